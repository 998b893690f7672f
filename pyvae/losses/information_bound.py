"""InfoGAN's lower bound on the information that generated images hold of the codes they were made from."""

import math
from typing import Literal

from torch import Tensor

from pyvae.losses.objective import check_choice
from pyvae.ops.arguments import compute_dtype, short_name

ENTROPIES = {"normal": 0.5 * math.log(2 * math.pi * math.e), "uniform": math.log(2)}
"""In nats, of N(0, 1) and of the uniform law on [-1, 1]."""


def categorical_information_bound(codes: Tensor, logits: Tensor) -> Tensor:
    """E[log Q(c|x)] + H(c) for codes that take each of so many classes as often (Chen et al. 2016, eq. 5).

    Args:
        codes: classes [...], whole numbers.
        logits: of Q for the images that were generated from the codes, [..., classes].

    Returns [...] in nats, at most I(c; x) on average, which is at most the logarithm of the number of classes; to be
    made large, by generator and Q alike. Raises ValueError for shapes that differ,
    TypeError for codes that are no whole numbers.
    """
    classes = logits.shape[-1]
    if codes.shape != logits.shape[:-1]:
        raise ValueError(f"codes must have the shape {list(logits.shape[:-1])} of logits, got {list(codes.shape)}")
    if codes.is_floating_point():
        raise TypeError(f"codes must be whole numbers, got {short_name(codes.dtype)}")
    log_q = logits.to(compute_dtype(logits)).log_softmax(-1).gather(-1, codes.long().unsqueeze(-1)).squeeze(-1)
    return log_q + math.log(classes)


def gaussian_information_bound(
    codes: Tensor, mu: Tensor, logvar: Tensor, *, prior: Literal["normal", "uniform"] = "normal"
) -> Tensor:
    """E[log Q(c|x)] + H(c) for continuous codes and Q = N(mu, exp(logvar)) (Chen et al. 2016, eq. 5).

    Args:
        codes: [..., C], each from N(0, 1), or uniform on [-1, 1].
        mu: mean of Q for the images that were generated from the codes, [..., C].
        logvar: its log variance, [..., C].
        prior: normal or uniform, the law of the codes.

    Returns [...] in nats, the sum over the C codes, at most I(c; x) on average. Raises ValueError for another prior and
    for shapes that differ.
    """
    check_choice("prior", prior, tuple(ENTROPIES))
    for name, tensor in (("mu", mu), ("logvar", logvar)):
        if tensor.shape != codes.shape:
            raise ValueError(f"{name} must have the shape of codes, {list(codes.shape)}, got {list(tensor.shape)}")
    dtype = compute_dtype(codes, mu, logvar)
    codes, mu, logvar = codes.to(dtype), mu.to(dtype), logvar.to(dtype)
    log_q = -0.5 * ((codes - mu).square() * (-logvar).exp() + logvar + math.log(2 * math.pi))
    return (log_q + ENTROPIES[prior]).sum(-1)
