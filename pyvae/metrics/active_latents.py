"""How many latents a model uses, decided by information."""

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.posterior import SAMPLES
from pyvae.aggregate.tables import Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.latents import ACTIVE_NATS, is_active
from pyvae.metrics.estimators.numbers import positive
from pyvae.metrics.estimators.seeds import check_seed
from pyvae.metrics.measured import Measured
from pyvae.ops.arguments import whole
from pyvae.quantiles import NORMAL_975


def active_latents(
    codes: Codes | Rows | AggregatePosterior,
    *,
    threshold: float = ACTIVE_NATS,
    samples: int = SAMPLES,
    seed: int | None = 0,
) -> Measured:
    """How many latents hold at least `threshold` nats of the data, I(x; z_d), beyond the noise of its estimate.

    A latent counts whose information is at least `threshold` with a 95 % interval above 0. A mean KL does not decide
    it: 0.01 nats of KL call latents active whose means have not settled, at 0.003 nats of information.

    Args:
        codes: of the data set, N posteriors of D latents.
        threshold: nats, greater than 0.
        samples: of the aggregate posterior.
        seed: fixes the answer to the bit; None draws anew.

    Returns:
        Measured: a whole number, at most D; `low` counts the latents whose whole interval lies at or above the
        threshold, `high` those whose interval reaches it. `parts` has `information` [D], an Estimate in nats.

    Raises:
        TypeError, ValueError: as pyvae.aggregate_posterior, and ValueError for codes without logvar, for a threshold
            that is not greater than 0 and for fewer than 2 samples.
    """
    threshold, samples = positive("threshold", threshold), whole("samples", samples, least=2)
    seed = None if seed is None else check_seed(seed)
    posterior = codes_of(codes).posterior
    information = posterior.latent_information(samples, seed=seed)
    reach = NORMAL_975 * information.standard_error
    value = int(is_active(information, threshold).sum())
    surely = int((information.value - reach >= threshold).sum())
    perhaps = int((information.value + reach >= threshold).sum())
    settings = {"threshold": threshold, "samples": samples, "seed": seed}
    return Measured(value, surely, perhaps, posterior.latents, settings, {"information": information})
