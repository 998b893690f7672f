"""Downstream accuracy: how well a classifier learns each factor from a code."""

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.probes import absent, is_right, judged, probe_of
from pyvae.metrics.estimators.protocols import Protocol, follows_library
from pyvae.metrics.estimators.resampling import interval_of
from pyvae.metrics.estimators.split import Test, split_of
from pyvae.metrics.factors import Factors, factors_of
from pyvae.metrics.measured import Measured


def downstream_accuracy(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    probe: str | None = None,
    test: Test | None = None,
    protocol: Protocol = "paper",
    seed: int = 0,
) -> Measured:
    """The mean accuracy over factors of a classifier on held-out rows (Locatello et al. 2019).

    Args:
        codes: N codes of D latents.
        factors: [N] or [N, K]; a continuous factor is binned.
        probe: a name in pyvae.metrics.estimators.probes.PROBES. "logistic_regression" is multinomial and unpenalised;
            "logistic_regression_cv", whose penalty five folds choose, and "gradient_boosting" are those of the study.
            By default the first, and with the library's protocol the second.
        test: held-out codes and factors; by default a third of the rows is held out.
        protocol: "disentanglement_lib" does not standardise the codes.
        seed: of the rows that are held out, of the probe, and of the interval.

    Returns:
        Measured, from 0 to 1. `parts` has `accuracies` [K], `chance` [K], the accuracy of always saying the most common
        class, and `absent`, how many classes of a factor the held-out rows lack.

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a single point, a factor with one value or another
            probe.
        ImportError: without scikit-learn.
    """
    by_library = follows_library(protocol)
    name = ("logistic_regression_cv" if by_library else "logistic_regression") if probe is None else probe
    found = codes_of(codes)
    about = factors_of(factors, len(found))
    said = str(probe_of(name))
    split = split_of(found, about, test, seed)
    scaled = not by_library
    right = is_right(judged(found, split, name, seed, scaled=scaled), split)
    value = float(right.mean())
    low, high = interval_of(lambda means: means.mean(-1), right, seed, 0.0, 1.0)
    settings = {"protocol": protocol, "probe": said, "codes": "standardised" if scaled else "as given"}
    chance = (split.test.labels == split.train.most_common).mean(0)
    parts = {"accuracies": right.mean(0), "chance": chance, "absent": absent(split)}
    return Measured(value, low, high, 1.0, {**settings, **split.settings}, parts)
