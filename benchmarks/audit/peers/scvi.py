"""scvi-tools: the losses of its modules on synthetic counts; nothing is trained, the encoders are as they start."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.audit import known
from benchmarks.audit.row import Row

DISTRIBUTION = "scvi-tools"

CELLS, GENES = 48, 30
WEIGHT = "of kl_local in the loss, over that of reconstruction_loss, at kl_weight = 1"


def rows() -> Iterator[Row]:
    from scvi.module import PEAKVAE, VAE

    torch.manual_seed(0)
    counts = torch.poisson(torch.rand(CELLS, GENES) * 20)
    for name, module, given in (
        ("VAE", VAE(n_input=GENES), counts),
        ("PEAKVAE", PEAKVAE(n_input_regions=GENES), (counts > 10).float()),
    ):
        yield from _of(name, module.eval(), given)


def _tensors(counts: Tensor) -> dict[str, Tensor]:
    from scvi import REGISTRY_KEYS

    zeros = torch.zeros(len(counts), 1, dtype=torch.long)
    return {REGISTRY_KEYS.X_KEY: counts, REGISTRY_KEYS.BATCH_KEY: zeros, REGISTRY_KEYS.LABELS_KEY: zeros}


@torch.no_grad()
def _of(name: str, module: Any, counts: Tensor) -> Iterator[Row]:
    """KL by the module, and what the loss makes of it: a·reconstruction + b·KL, whose b/a two KL weights tell."""
    inference, generative, losses = module(_tensors(counts), loss_kwargs={"kl_weight": 1.0})
    posterior = inference["qz"]
    truth = known.elementwise_kl(posterior.loc, 2 * posterior.scale.double().log()).sum(-1)
    kl = sum(losses.kl_local.values()) if isinstance(losses.kl_local, dict) else losses.kl_local
    on = f"{CELLS} cells, {posterior.loc.shape[-1]} latents, untrained encoder"
    yield Row(f"{name}.loss, kl_local", "KL", on, float(kl.double().mean()), float(truth.mean()))
    without = module.loss(_tensors(counts), inference, generative, kl_weight=0.0)
    of_reconstruction = without.loss / _sum(without.reconstruction_loss)
    of_kl = (losses.loss - without.loss) / kl.sum()
    found = float(of_kl / of_reconstruction)
    sizes = {"cells": CELLS}
    yield Row(f"{name}.loss, loss", "weight of the KL", on, found, 1.0, unit="", sizes=sizes, note=WEIGHT)


def _sum(parts: Any) -> Tensor:
    return sum(part.sum() for part in parts.values()) if isinstance(parts, dict) else parts.sum()
