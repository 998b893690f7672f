"""Formulas that are copied from script to script, written by ourselves."""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.audit import known
from benchmarks.audit.row import Row, sampled
from benchmarks.perfect_code import copied_total_correlation
from pyvae.bench import copied

DISTRIBUTION = None
"""No package: the formulas are in pyvae/bench/copied.py, benchmarks/perfect_code.py and here."""


def mean_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """The closed form under a mean over everything, which also divides by the number of latents."""
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).mean()


def rows() -> Iterator[Row]:
    for spread, dtype in ((1.0, torch.float32), (0.02, torch.float32), (0.02, torch.bfloat16)):
        of = known.flat(spread, dtype)
        on = f"10 latents, s = {spread:g}, {str(dtype)[6:]}"
        yield Row("closed form, summed", "KL", on, float(copied.gaussian_kl(of.mu, of.logvar).double().mean()), of.kl)
    of = known.flat(1.0)
    sizes = {"D": known.LATENTS}
    yield Row(
        "closed form, torch.mean", "KL", "10 latents, s = 1", float(mean_kl(of.mu, of.logvar)), of.kl, sizes=sizes
    )
    yield from _total_correlations()


def _total_correlations() -> Iterator[Row]:
    of, quantity, on = known.minibatches(), "total correlation", "perfect code, M = 64"
    truth = of.truth[quantity]
    stratified = copied_total_correlation(of.z, of.mu, of.logvar).double().mean(-1)
    yield Row("stratified weights, stride [::M+1]", quantity, on, truth=truth, **sampled(stratified.tolist()))
    weighted = []
    for z, mu, logvar in zip(of.z, of.mu, of.logvar, strict=True):
        log_qz, log_product = copied.density(z, mu, logvar, of.dataset_size)
        weighted.append(float((log_qz - log_product).double().mean()))
    note = "carries (D − 1) log N by its definition (Chen et al. 2018, appendix C.1)"
    yield Row("minibatch weights", quantity, on, truth=truth, note=note, **sampled(weighted))
