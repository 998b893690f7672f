"""Objectives of variational autoencoders: per-sample terms in nats, to be minimised; each cites its equation.

Terms are [..., M]: leading axes (stacked models) stay apart, the latent or pixel axis is summed. Take
`.mean(-1)` for the batch mean of each model and sum those before `backward`: models then do not mix. Every
function has an nn.Module twin.
"""

from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from pyvae.ops import gaussian_kl, kl_decomposition
from pyvae.ops.minibatch_log_density import Estimator


def gaussian_reconstruction(x: Tensor, mean: Tensor, variance: float = 1.0) -> Tensor:
    """-log N(x; mean, variance I) without its constant: sum (x - mean)^2 / (2 variance), [..., D] -> [...].

    The constant left out is (D/2) log(2 pi variance). Raises ValueError for a variance that is not positive.
    """
    _check_variance(variance)
    _check_alike(mean=mean, x=x)
    return mse_loss(mean, x, reduction="none").sum(-1) / (2 * variance)


def bernoulli_reconstruction(x: Tensor, logits: Tensor) -> Tensor:
    """-log Bernoulli(x; sigmoid(logits)) summed over the last axis, [..., D] -> [...]."""
    return binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)


def sampled_kl(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """log q(z|x) - log p(z) at one sample z ~ N(mu, exp(logvar)): unbiased for KL(q || N(0, I)), [..., D] ->
    [...].

    Kingma & Welling 2014, eq. 6 (estimator A); pyvae.gaussian_kl is the closed form. The log(2 pi) terms
    cancel.
    """
    standardised = (z - mu) * (-0.5 * logvar).exp()
    return 0.5 * (z.square() - standardised.square() - logvar).sum(-1)


def elbo(reconstruction: Tensor, kl: Tensor) -> Tensor:
    """Evidence lower bound, -(reconstruction + kl) (Kingma & Welling 2014, eq. 3)."""
    return -(reconstruction + kl)


def beta_vae(reconstruction: Tensor, kl: Tensor, beta: float | Tensor = 1.0) -> Tensor:
    """reconstruction + beta * kl (Higgins et al. 2017, eq. 4); beta = 1 is the negative ELBO.

    beta may be a tensor that broadcasts, such as [K, 1] for K stacked models. Raises ValueError if it is a
    negative number.
    """
    _check_weights(beta=beta)
    _check_alike(reconstruction=reconstruction, kl=kl)
    return reconstruction + beta * kl


def beta_tcvae(
    reconstruction: Tensor,
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
    *,
    dataset_size: int | None,
    alpha: float = 1.0,
    beta: float = 6.0,
    gamma: float = 1.0,
    estimator: Estimator = "mss",
) -> Tensor:
    """reconstruction + alpha * MI + beta * TC + gamma * dimension-wise KL (Chen et al. 2018, eq. 4).

    reconstruction [..., M]; z, mu, logvar [..., M, D]; the decomposition is pyvae.kl_decomposition's. With
    all three weights 1 the sum of the terms is the sampled KL, whatever the estimator. Raises ValueError for
    a negative weight.
    """
    _check_weights(alpha=alpha, beta=beta, gamma=gamma)
    kl = kl_decomposition(z, mu, logvar, dataset_size=dataset_size, estimator=estimator)
    _check_alike(reconstruction=reconstruction, kl=kl.dimwise_kl)
    return reconstruction + alpha * kl.mutual_information + beta * kl.total_correlation + gamma * kl.dimwise_kl


class GaussianReconstruction(nn.Module):
    """Module of `gaussian_reconstruction`."""

    def __init__(self, variance: float = 1.0) -> None:
        super().__init__()
        _check_variance(variance)
        self.variance = variance

    def forward(self, x: Tensor, mean: Tensor) -> Tensor:
        return gaussian_reconstruction(x, mean, self.variance)


class BernoulliReconstruction(nn.Module):
    """Module of `bernoulli_reconstruction`."""

    def forward(self, x: Tensor, logits: Tensor) -> Tensor:
        return bernoulli_reconstruction(x, logits)


class SampledKL(nn.Module):
    """Module of `sampled_kl`."""

    def forward(self, z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        return sampled_kl(z, mu, logvar)


class BetaVAE(nn.Module):
    """Module of `beta_vae` with the KL inside: closed form, or from the one sample z."""

    def __init__(self, beta: float = 1.0, *, kl: str = "closed_form") -> None:
        super().__init__()
        _check_weights(beta=beta)
        if kl not in ("sampled", "closed_form"):
            raise ValueError(f"kl must be sampled or closed_form, got {kl!r}")
        self.beta, self.kl = beta, kl

    def forward(self, reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        kl = sampled_kl(z, mu, logvar) if self.kl == "sampled" else gaussian_kl(mu, logvar)
        return beta_vae(reconstruction, kl, self.beta)


class ELBO(BetaVAE):
    """The negative ELBO as an objective: `BetaVAE` with beta = 1."""

    def __init__(self, *, kl: str = "closed_form") -> None:
        super().__init__(1.0, kl=kl)


class BetaTCVAE(nn.Module):
    """Module of `beta_tcvae`."""

    def __init__(
        self,
        dataset_size: int | None,
        *,
        alpha: float = 1.0,
        beta: float = 6.0,
        gamma: float = 1.0,
        estimator: Estimator = "mss",
    ) -> None:
        super().__init__()
        _check_weights(alpha=alpha, beta=beta, gamma=gamma)
        self.dataset_size, self.estimator = dataset_size, estimator
        self.alpha, self.beta, self.gamma = alpha, beta, gamma

    def forward(self, reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        return beta_tcvae(
            reconstruction, z, mu, logvar, dataset_size=self.dataset_size, estimator=self.estimator,
            alpha=self.alpha, beta=self.beta, gamma=self.gamma,
        )  # fmt: skip


def _check_variance(variance: float) -> None:
    if not variance > 0:
        raise ValueError(f"variance must be greater than 0, got {variance}")


def _check_alike(**terms: Tensor) -> None:
    """Refuses terms of different shapes: [M, 1] beside [M] would broadcast to [M, M] and train on a wrong loss."""
    (first, a), (second, b) = terms.items()
    if a.shape != b.shape:
        raise ValueError(f"{first} must have the shape of {second}, {list(b.shape)}, got {list(a.shape)}")


def _check_weights(**weights: float | Tensor) -> None:
    """Refuses negative numbers; tensors are not read, since that would wait for the device."""
    for name, weight in weights.items():
        if not isinstance(weight, Tensor) and not weight >= 0:
            raise ValueError(f"{name} must be at least 0, got {weight}")
