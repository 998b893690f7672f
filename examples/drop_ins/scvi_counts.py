"""
scvi-tools' SCVI on counts drawn here, before and after:

    pip install scvi-tools==1.4.2
    python examples/drop_ins/scvi_counts.py

The encoder says what the variance is, exp(head) + 1e-4, and gives a torch.distributions.Normal, which a Posterior
reads; the prior is one as well.
"""

import numpy as np
import scvi
import torch
from anndata import AnnData
from scvi.model import SCVI
from scvi.module import VAE
from scvi.module.base import LossOutput
from torch import Tensor

from pyvae import Posterior


class FusedVAE(VAE):
    """scvi-tools' module with observed library sizes, whose KL comes from pyvae."""

    def loss(self, tensors, inference_outputs, generative_outputs, kl_weight: float = 1.0) -> LossOutput:
        reconstruction = -generative_outputs["px"].log_prob(tensors["X"]).sum(-1)
        kl = Posterior.from_normal(inference_outputs["qz"]).kl(generative_outputs["pz"])  # after
        loss = (reconstruction + kl_weight * kl).mean()
        kl_of = {"kl_divergence_z": kl, "kl_divergence_l": torch.zeros_like(kl)}
        return LossOutput(loss=loss, reconstruction_loss=reconstruction, kl_local=kl_of)


class FusedSCVI(SCVI):
    _module_cls = FusedVAE  # after


def before() -> type[SCVI]:
    kind = SCVI  # before
    return kind


def after() -> type[SCVI]:
    kind = FusedSCVI  # after
    return kind


def train(way, seed: int = 0, steps: int = 5) -> tuple[list[float], list[Tensor]]:
    """The negative ELBO of each step, and the parameters at the end; all cells are one minibatch."""
    rng = np.random.default_rng(seed)
    cells = AnnData(rng.poisson(rng.gamma(2.0, 1.0, size=(1, 30)), size=(128, 30)).astype(np.float32))
    scvi.settings.seed = seed
    kind = way()
    kind.setup_anndata(cells)
    model = kind(cells, n_hidden=16, n_latent=4)
    model.train(
        max_epochs=steps, batch_size=128, train_size=1.0, accelerator="cpu", enable_progress_bar=False,
        plan_kwargs={"n_epochs_kl_warmup": None},
    )  # fmt: skip
    losses = model.history["elbo_train"]["elbo_train"].astype(float).tolist()
    return losses, [parameter.detach() for parameter in model.module.parameters()]


if __name__ == "__main__":
    for way in (before, after):
        print(way.__name__, train(way)[0])
