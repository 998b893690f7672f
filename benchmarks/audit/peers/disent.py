"""disent: the terms of its frameworks and its scores."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Normal

from benchmarks.audit import known
from benchmarks.audit.row import Row, sampled

DISTRIBUTION = "disent"
ROWS = 9600

MEAN = "its default loss_reduction='mean' says so: a mean over everything, and the default beta is made for it"
NO_MEAN = (
    "its sums over the minibatch are no means: a constant, (D − 1) log M; its source says that scales are not right"
)
BINS = "20 bins of equal width, as in disentanglement_lib"
TRACE = "dip_loss_od of DIP-VAE-II: the squared covariances of different latents, added up"


def rows() -> Iterator[Row]:
    yield from _kl()
    yield _total_correlation()
    yield from _covariance()
    yield from _scores()


def _kl() -> Iterator[Row]:
    from disent.frameworks.helper.latent_distributions import make_latent_distribution

    sizes = {"D": known.LATENTS}
    for reduction, note in (("mean_sum", ""), ("mean", MEAN)):
        handler = make_latent_distribution("normal", kl_mode="direct", reduction=reduction)
        for spread in (1.0, 0.02):
            of = known.flat(spread)
            found = handler.compute_kl_loss(*handler.encoding_to_dists((of.mu, of.logvar)))
            call, on = f"compute_kl_loss, reduction {reduction}", f"10 latents, s = {spread:g}"
            yield Row(call, "KL", on, float(found), of.kl, sizes=sizes, note=note)


def _autoencoder(latents: int) -> Any:
    from disent.model import AutoEncoder
    from disent.model.ae import DecoderLinear, EncoderLinear

    shape = (1, 4, 4)
    return AutoEncoder(EncoderLinear(shape, latents, z_multiplier=2), DecoderLinear(shape, latents))


def _logs(framework: Any, mu: Tensor, logvar: Tensor, z: Tensor) -> dict[str, float]:
    """What a framework says of the parts of its regularisation."""
    posterior, prior = framework.latents_handler.encoding_to_dists((mu, logvar))
    assert isinstance(posterior, Normal)
    _, logs = framework.compute_ave_reg_loss([posterior], [prior], [z])
    return {name: float(value) for name, value in logs.items()}


def _total_correlation() -> Row:
    from disent.frameworks.vae import BetaTcVae

    of, quantity = known.minibatches(), "total correlation"
    framework = BetaTcVae(_autoencoder(of.z.shape[-1]), BetaTcVae.cfg())
    found = sampled(
        _logs(framework, mu, logvar, z)["tc_loss"] for z, mu, logvar in zip(of.z, of.mu, of.logvar, strict=True)
    )
    on, truth = "perfect code, M = 64", of.truth[quantity]
    return Row("BetaTcVae.compute_ave_reg_loss", quantity, on, truth=truth, note=NO_MEAN, **found)


def _covariance() -> Iterator[Row]:
    from disent.frameworks.vae import DipVae

    mu, logvar = known.of_unit_covariance()
    logs = _logs(DipVae(_autoencoder(mu.shape[-1]), DipVae.cfg(dip_mode="ii")), mu, logvar, mu)
    call, on = "DipVae.compute_ave_reg_loss", "q(z) of unit covariance"
    yield Row(call, "covariance penalty", on, logs["dip_loss_od"], 0.0, unit="", note=TRACE)
    yield Row(call, "variance penalty", on, logs["dip_loss_d"], 0.0, unit="")


def _scores() -> Iterator[Row]:
    from disent.metrics import metric_mig, metric_unsupervised

    np.random.seed(0)  # which disent draws factors by
    data = _data()
    for name, law in known.LAWS.items():
        encoder = _Encoder(law)
        scores = (metric_mig(data, encoder, num_train=ROWS, batch_size=1000) for _ in range(known.DRAWS))
        found = sampled(float(score["mig.discrete_score"]) for score in scores)
        yield Row("metric_mig", "MIG", name, truth=law.mig, unit="", note=BINS, **found)
    for scale in known.SCALES:
        of = known.correlated(0.5, scale)
        scores = metric_unsupervised(data, _Points(of.points), num_train=len(of.points), batch_size=len(of.points))
        on, value = f"Gaussian points, sd {scale:g}", float(scores["unsup.gauss_total_corr"])
        yield Row("metric_unsupervised", "total correlation", on, value, of.total_correlation)


class _Points:
    """These codes, whatever it is shown."""

    def __init__(self, codes: np.ndarray) -> None:
        self.codes = codes

    def __call__(self, images: Tensor) -> np.ndarray:
        return self.codes


class _Encoder:
    """A code of the factors that an image shows, with noise drawn anew for each batch."""

    def __init__(self, law: known.Law) -> None:
        self.law, self.batches = law, 0

    def __call__(self, images: Tensor) -> Tensor:
        self.batches += 1
        factors = images.reshape(len(images), -1).round().long().numpy()
        return torch.from_numpy(known.codes_of(factors, self.law.noise, twice=self.law.twice, seed=self.batches))


def _data() -> Any:
    """A data set whose images are a row of pixels, the values of their factors."""
    from disent.dataset import DisentDataset
    from disent.dataset.data import GroundTruthData

    class Pixels(GroundTruthData):
        factor_sizes = known.SIZES
        factor_names = tuple(f"f{k}" for k in range(len(known.SIZES)))
        img_shape = (1, len(known.SIZES), 1)

        def _get_observation(self, idx: int) -> Tensor:
            return torch.from_numpy(self.idx_to_pos(idx)).float().reshape(1, 1, -1)

    return DisentDataset(Pixels())
