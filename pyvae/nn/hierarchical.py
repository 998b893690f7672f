"""Stacked hierarchical VAEs: K models with several layers of Gaussian codes in one module."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from pyvae.nn.model import StackedModel, check_sizes, generators_of, of_whole_parameters
from pyvae.nn.stacked import stacked_layers, stacked_mlp
from pyvae.ops import gaussian_kl, reparameterize
from pyvae.ops.arguments import compute_dtype
from pyvae.ops.kl_decomposition import standardised
from pyvae.ops.seeds import seed_tensor


class HierarchicalOutput(NamedTuple):
    """What a hierarchical stack makes of images.

    `decoded` is [K, B, inputs]. Codes `z`, and `mu` and `logvar` of the posteriors that they were drawn from, are
    tuples with one tensor [K, B, size of the code] for each layer, the one next to the images first. `kl` [K, B] is the
    sum over layers of `kl_of_layers` [K, B, L], in nats.
    """

    decoded: Tensor
    z: tuple[Tensor, ...]
    kl: Tensor
    kl_of_layers: Tensor
    mu: tuple[Tensor, ...]
    logvar: tuple[Tensor, ...]


class StackedHierarchicalVAE(StackedModel):
    r"""K VAEs with L layers of Gaussian codes, h_1 next to the images and h_L on top (Burda, Grosse & Salakhutdinov
    2016, eqs. 1 and 2; the decoder also in Rezende, Mohamed & Wierstra 2014).

    .. math:: q(h \mid x) = q(h_1 \mid x) \prod_{l=2}^{L} q(h_l \mid h_{l-1}), \qquad
        p(x, h) = p(x \mid h_1) \prod_{l=1}^{L-1} p(h_l \mid h_{l+1}) \, p(h_L), \quad p(h_L) = N(0, I)

    Every conditional of a code is a diagonal Gaussian whose mean and log variance a relu MLP gives. The part of layer l
    in the KL term is the expectation of

    .. math:: \log q(h_l \mid h_{l-1}) - \log p(h_l \mid h_{l+1}), \qquad h_0 = x.

    For the top layer the expectation over h_L given h_{L-1} is taken in closed form (`pyvae.gaussian_kl`), because its
    prior is fixed. A lower part is the difference itself at the sampled codes: h_{l+1}, which decides the mean and the
    variance of p(h_l | h_{l+1}), was drawn given h_l, so the expectation goes over both and through the networks
    between them, and no closed form of it exists. All parts are unbiased, a lower one may be negative, and their sum
    and the negative log likelihood make the negative ELBO. `pyvae.losses.sampled_kl(z[-1], mu[-1], logvar[-1])` is the
    top part at the sampled code: where q is the exact posterior, the sum with this one in place of
    `kl_of_layers[..., -1]` is -log p(x) for every sample, while the closed form leaves the variance of the difference
    between both.

    `encode` gives the posterior of h_1 and `decode` takes h_1, whose size is `latents`. With one layer the stack is a
    `StackedVAE` of that size: the same parameters by name and by seed, the same codes and images, `pyvae.gaussian_kl`.
    Its loss is not one of pyvae.losses' objectives, which know one layer of codes; the example trains it.

    Args:
        models: K.
        inputs: size of a flat image.
        hidden: widths of the hidden layers of every MLP that leads upwards; those that lead downwards have them in
            reverse.
        layers: sizes of the codes, h_1 first; their number is L.
        seeds: K seeds, ints or an int64 tensor [K]; model k is initialised from seeds[k] alone, as
            torch.nn.Linear initialises (weights and biases uniform within 1/sqrt(fan-in)). Without seeds
            every parameter is zero, for load_state_dict to fill.

    Raises ValueError for sizes below 1, no layer or another number of seeds than models, TypeError for `layers` that
    are one number and for seeds that are no whole numbers.

    Example:
        >>> images = torch.rand(32, 64)
        >>> vae = StackedHierarchicalVAE(2, inputs=64, hidden=(32,), layers=(8, 4), seeds=[0, 1])
        >>> optimiser = torch.optim.Adam(vae.parameters(), lr=1e-3)
        >>> bases = torch.tensor([0, 1 << 32])  # so far apart that the models' streams never meet
        >>> for step in range(3):
        ...     out = vae(images, seed=bases + step)
        ...     reconstruction = pyvae.losses.gaussian_reconstruction(images.expand_as(out.decoded), out.decoded, 0.1)
        ...     loss = (reconstruction + out.kl).mean(-1)  # nats, one for each model
        ...     optimiser.zero_grad()
        ...     loss.sum().backward()
        ...     optimiser.step()
        >>> out.kl_of_layers.shape, vae.generate(5, seed=7).shape
        (torch.Size([2, 32, 2]), torch.Size([2, 5, 64]))
    """

    ARCHITECTURE = ("inputs", "hidden", "layers")
    TOGETHER = 16
    TERMS_OF_ITS_OWN = True

    def __init__(
        self,
        models: int,
        inputs: int,
        hidden: Sequence[int] = (256, 256),
        layers: Sequence[int] = (16, 8),
        *,
        seeds: Sequence[int] | Tensor | None = None,
    ) -> None:
        super().__init__()
        if isinstance(layers, int):
            raise TypeError(f"layers must be a sequence with the size of each layer's code, got {layers}")
        check_sizes(models=models, inputs=inputs, layers=min(layers, default=0), hidden=min(hidden, default=1))
        self.models, self.inputs, self.hidden, self.layers = models, inputs, tuple(hidden), tuple(layers)
        self.latents = self.layers[0]
        generators = generators_of(seeds, models)

        def mlp(fan_in: int, widths: Iterable[int], fan_out: int) -> nn.ModuleList:
            return stacked_layers([fan_in, *widths, fan_out], models, generators)

        # One layer draws from the generators what a StackedVAE draws: the rest comes after these two.
        up, down = self.hidden, self.hidden[::-1]
        self.encoder = mlp(inputs, up, 2 * self.latents)
        self.decoder = mlp(self.latents, down, inputs)
        self.encoders_above = nn.ModuleList(mlp(low, up, 2 * high) for low, high in pairwise(self.layers))
        self.priors = nn.ModuleList(mlp(high, down, 2 * low) for low, high in pairwise(self.layers))

    # The output has more than a VAEOutput's fields, since its terms are its own.
    def forward(self, x: Tensor, *, seed: int | Tensor | None = None) -> HierarchicalOutput:  # type: ignore[override]
        """Encodes images x layer by layer, samples every layer's codes, and decodes h_1.

        x is [K, B, inputs], or [B, inputs] where all models see the same images. `seed` is what `pyvae.reparameterize`
        takes: one for each model, [K], lets a model draw what it draws alone. Layer l, from 0, draws with
        L * seed + l in 64 bits, so that the layers' streams are apart, also from those of the seeds next to it.

        Raises ValueError for images of another shape, and what `pyvae.reparameterize` raises for a seed.
        """
        mu, logvar = self.encode(x)
        streams = self._streams(seed, mu)
        codes = [reparameterize(mu, logvar, seed=streams[0])]
        posteriors = [(mu, logvar)]
        for encoder, stream in zip(_mlps(self.encoders_above), streams[1:], strict=True):
            posteriors.append(_gaussian(encoder, codes[-1]))
            codes.append(reparameterize(*posteriors[-1], seed=stream))
        kl = [
            _log_ratio(z, *posterior, *_gaussian(prior, above))
            for prior, posterior, (z, above) in zip(_mlps(self.priors), posteriors[:-1], pairwise(codes), strict=True)
        ]
        kl.append(gaussian_kl(*posteriors[-1]))
        means, log_variances = zip(*posteriors, strict=True)
        total = sum(kl[1:], start=kl[0])  # one after the other, so that no bit depends on the number of models
        return HierarchicalOutput(
            self.decode(codes[0]), tuple(codes), total, torch.stack(kl, dim=-1), means, log_variances
        )

    @of_whole_parameters
    def generate(self, rows: int, *, seed: int | Tensor | None = None) -> Tensor:
        """What the decoder makes of codes drawn from the prior, from the top layer downwards: means or logits of
        p(x | h_1), [K, rows, inputs]. `seed` is used as `forward` uses it.

        Raises ValueError for rows below 1, and what `pyvae.reparameterize` raises for a seed.
        """
        check_sizes(rows=rows)
        zeros = next(self.parameters()).new_zeros(self.models, rows, self.layers[-1])
        *lower, top = self._streams(seed, zeros)
        z = reparameterize(zeros, zeros, seed=top)
        for prior, stream in reversed(list(zip(_mlps(self.priors), lower, strict=True))):
            z = reparameterize(*_gaussian(prior, z), seed=stream)
        return self.decode(z)

    def _encode(self, x: Tensor) -> Tensor:
        return stacked_mlp(self.encoder, x)

    def _decode(self, z: Tensor) -> Tensor:
        return stacked_mlp(self.decoder, z)

    def _streams(self, seed: int | Tensor | None, mu: Tensor) -> list[Tensor]:
        """A seed for each layer; int64 wraps around where the product leaves it."""
        base, count = seed_tensor(seed, None, mu), len(self.layers)
        return [count * base + layer for layer in range(count)]


def _mlps(modules: nn.ModuleList) -> Iterable[nn.ModuleList]:
    return cast(Iterable[nn.ModuleList], modules)


def _gaussian(mlp: nn.ModuleList, z: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log variance of the layer that an MLP leads to."""
    mu, logvar = stacked_mlp(mlp, z).chunk(2, dim=-1)
    return mu, logvar


def _log_ratio(z: Tensor, mu: Tensor, logvar: Tensor, prior_mu: Tensor, prior_logvar: Tensor) -> Tensor:
    """log N(z; mu, exp(logvar)) - log N(z; prior_mu, exp(prior_logvar)), [..., D] -> [...]; the log(2 pi) cancel."""
    tensors = (z, mu, logvar, prior_mu, prior_logvar)
    dtype = compute_dtype(*tensors)  # half types in float32, as in the closed form beside it
    z, mu, logvar, prior_mu, prior_logvar = (tensor.to(dtype) for tensor in tensors)
    squares = standardised(z, prior_mu, prior_logvar).square() - standardised(z, mu, logvar).square()
    return 0.5 * (squares + prior_logvar - logvar).sum(-1)
