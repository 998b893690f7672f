"""diffusers: the distributions that its autoencoders give."""

from collections.abc import Iterator

import torch

from benchmarks.audit import known
from benchmarks.audit.row import Row

DISTRIBUTION = "diffusers"

GAUSSIAN, OOBLECK = "DiagonalGaussianDistribution.kl", "OobleckDiagonalGaussianDistribution.kl"
KEPT_AXIS = "kl() of five axes is [B, W]; it has no docstring. Its sum over B is the next row"
NO_HALF = "without the ½, and of one moment of time, the mean over which it takes; it has no docstring"


def rows() -> Iterator[Row]:
    yield from _images()
    yield from _video()
    yield from _sound()


def _images() -> Iterator[Row]:
    from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

    for spread, dtype in ((1.0, torch.float32), (0.05, torch.float32), (1.0, torch.bfloat16), (0.05, torch.bfloat16)):
        of = known.packed(known.IMAGE, spread, dtype)
        found = DiagonalGaussianDistribution(of.moments).kl().double().mean()
        yield Row(f"{GAUSSIAN}().mean()", "KL", f"image, s = {spread:g}, {str(dtype)[6:]}", float(found), of.kl)
    of = known.packed(known.IMAGE, 1.0)
    posterior, other = (DiagonalGaussianDistribution(part) for part in (of.moments, of.others))
    found = posterior.kl(other).mean()
    yield Row(f"{GAUSSIAN}(other).mean()", "KL to another", "image, s = 1, float32", float(found), of.kl_to_others)


def _video() -> Iterator[Row]:
    from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

    batch, channels, *axes = known.VIDEO
    sizes = dict(zip("CTHW", (channels // 2, *axes), strict=True))
    for spread, dtype in ((1.0, torch.float32), (0.05, torch.bfloat16)):
        of = known.packed(known.VIDEO, spread, dtype)
        kl = DiagonalGaussianDistribution(of.moments).kl().double()
        on = f"video, s = {spread:g}, {str(dtype)[6:]}"
        yield Row(f"{GAUSSIAN}().mean()", "KL", on, float(kl.mean()), of.kl, sizes=sizes, note=KEPT_AXIS)
        yield Row(f"{GAUSSIAN}().sum() / B", "KL", on, float(kl.sum()) / batch, of.kl, sizes=sizes)


def _sound() -> Iterator[Row]:
    from diffusers.models.autoencoders.autoencoder_oobleck import OobleckDiagonalGaussianDistribution

    of, time = known.sound(), known.AUDIO[-1]
    posterior, other = (OobleckDiagonalGaussianDistribution(part) for part in (of.moments, of.others))
    for call, quantity, found, truth in (
        (f"{OOBLECK}()", "KL", posterior.kl(), of.kl),
        (f"{OOBLECK}(other)", "KL to another", posterior.kl(other), of.kl_to_others),
        (f"{OOBLECK}(itself)", "KL to another", posterior.kl(posterior), 0.0),
    ):
        yield Row(call, f"{quantity}, twice, of a moment", "sound", float(found), 2 * truth / time, note=NO_HALF)
    of = known.narrowed_sound()
    posterior, other = (OobleckDiagonalGaussianDistribution(part) for part in (of.moments, of.others))
    found, truth = float(posterior.kl(other)), 2 * of.kl_to_others / time
    on = "sound, sigma ½, to sigma 1"
    yield Row(f"{OOBLECK}(other)", "KL to another, twice, of a moment", on, found, truth, note=NO_HALF)
