"""Stacked convolutional VAEs beside the same models in plain torch, forward and backward.

    python -m benchmarks.train.bench_convolutions      # convolutions.json into the results of this machine, two minutes

Eight models on 64 x 64 images of one channel, 64 each, all ways in turn, medians of the times and of the ratios of each
turn, on one thread and on all:

plain      a loop over models of torch.nn.Conv2d, Linear and ConvTranspose2d, one after the other, as a script has them
one stack  StackedConvVAE of all models, by torch's own threads
engine     stacks of as many models as pyvae.training takes together, on its worker threads
grouped    all models in one network of grouped convolutions and batched products

The share is of the multiply-adds that the threads reach at best, measured beside; the work is what torch's counter says
of the plain loop.
"""

import itertools
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.script import begin, parser_of
from pyvae.losses import BetaVAE, bernoulli_reconstruction
from pyvae.nn import StackedConvVAE, StackedModel
from pyvae.nn.conv_vae import PADDING, STRIDE
from pyvae.nn.stacked import stacked_mlp
from pyvae.ops import ceilings
from pyvae.training.workers import workers

MODELS, BATCH, SHAPE, LATENTS = 8, 64, (1, 64, 64), 10


class PlainVAE(nn.Module):
    """StackedConvVAE's architecture, one model, in torch's default memory format."""

    def __init__(self, like: StackedConvVAE) -> None:
        super().__init__()
        channels = (SHAPE[0], *like.channels)
        (width, hidden), codes = like.encoder[0].weight.shape[1:], 2 * LATENTS
        encoder, decoder = [], []
        for i, o in itertools.pairwise(channels):
            encoder += [nn.Conv2d(i, o, 4, STRIDE, PADDING), nn.ReLU()]
        for i, o in itertools.pairwise(channels[::-1]):
            decoder += [nn.ReLU(), nn.ConvTranspose2d(i, o, 4, STRIDE, PADDING)]
        heads = (nn.Flatten(), nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, codes))
        self.encoder = nn.Sequential(*encoder, *heads)
        tails = (nn.Linear(LATENTS, hidden), nn.ReLU(), nn.Linear(hidden, width), nn.Unflatten(1, (channels[-1], 4, 4)))
        self.decoder = nn.Sequential(*tails, *decoder)

    def step(self, x: Tensor) -> None:
        """Gradients of the ELBO of images [B, size]."""
        self.zero_grad()
        mu, logvar = self.encoder(x.unflatten(-1, SHAPE)).chunk(2, -1)
        z = mu + (0.5 * logvar).exp() * torch.randn_like(mu)
        reconstruction = nn.functional.binary_cross_entropy_with_logits(self.decoder(z).flatten(1), x, reduction="sum")
        kl = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum()
        ((reconstruction + kl) / len(x)).backward()


class Grouped(nn.Module):
    """The stack's parameters as one network: models are groups of its channels."""

    def __init__(self, stack: StackedConvVAE) -> None:
        super().__init__()
        self.stack = stack

    def forward(self, x: Tensor, seed: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        stack = self.stack
        h = x.unflatten(-1, SHAPE).transpose(0, 1).flatten(1, 2)
        for layer in stack.encoder_convolutions:
            h = conv2d(h, layer.weight.flatten(0, 1), layer.bias.flatten(), STRIDE, PADDING, groups=MODELS).relu_()
        h = h.unflatten(1, (MODELS, -1)).transpose(0, 1).flatten(2)
        mu, logvar = stacked_mlp(stack.encoder, h).chunk(2, -1)
        z = mu + (0.5 * logvar).exp() * torch.randn_like(mu)
        h = stacked_mlp(stack.decoder, z).relu_()
        h = h.unflatten(-1, (-1, 4, 4)).transpose(0, 1).flatten(1, 2)
        *hidden, last = stack.decoder_convolutions
        for layer in hidden:
            h = _transposed(h, layer).relu_()
        return _transposed(h, last).unflatten(1, (MODELS, -1)).transpose(0, 1).flatten(2), z, mu, logvar


def _transposed(h: Tensor, layer: nn.Module) -> Tensor:
    return conv_transpose2d(h, layer.weight.flatten(0, 1), layer.bias.flatten(), STRIDE, PADDING, groups=MODELS)


def stack_step(model: nn.Module, x: Tensor, seeds: Tensor) -> None:
    """Gradients of the ELBO of every model's images [K, B, size]."""
    model.zero_grad()
    decoded, *codes = model(x, seed=seeds)
    BetaVAE()(bernoulli_reconstruction(x, decoded), *codes).loss.mean(-1).sum().backward()


def ways(pool: ThreadPoolExecutor) -> dict[str, Callable[[], object]]:
    """What takes the forward and backward pass of all models once, by name."""
    seeds = torch.arange(MODELS)
    stack = StackedConvVAE(MODELS, SHAPE, LATENTS, seeds=seeds)
    plain = [PlainVAE(stack) for _ in range(MODELS)]
    x = torch.rand(MODELS, BATCH, stack.inputs)
    chunks: list[tuple[StackedModel, Tensor, Tensor]] = []
    for places in torch.arange(MODELS).split(stack.TOGETHER):
        chunks.append((stack.select(places), x[places], seeds[places]))
    grouped = Grouped(stack.select(range(MODELS)))
    return {
        "plain": lambda: [model.step(images) for model, images in zip(plain, x, strict=True)],
        "one stack": lambda: stack_step(stack, x, seeds),
        "engine": lambda: list(pool.map(lambda chunk: stack_step(*chunk), chunks)),
        "grouped": lambda: stack_step(grouped, x, seeds),
    }


def measure(threads: int, repeats: int) -> list[dict[str, object]]:
    """A row for each way, on so many threads."""
    torch.set_num_threads(threads)
    with workers() as pool:
        calls = ways(pool)
        with FlopCounterMode(display=False) as counter:
            calls["plain"]()
        times: dict[str, list[float]] = {name: [] for name in calls}
        rates = []
        for _ in range(repeats + 1):
            for name, call in calls.items():
                start = time.perf_counter()
                call()
                times[name].append(time.perf_counter() - start)
            rates.append(ceilings.multiply_adds_per_second(0.1))
    rows: list[dict[str, object]] = []
    plain = times["plain"][1:]  # the first is the warm-up
    for name, (_, *taken) in times.items():
        work = counter.get_total_flops() / statistics.median(taken)
        row = {
            "what": name,
            "threads": threads,
            "ms": 1e3 * statistics.median(taken),
            "fastest_ms": 1e3 * min(taken),
            "plain_over_this": statistics.median(a / b for a, b in zip(plain, taken, strict=True)),
            "gflops_per_second": work / 1e9,
            "share_of_ceiling": work / (2 * statistics.median(rates)),
        }
        rows.append(row)
    return rows


def main() -> None:
    parser = parser_of(__doc__, "convolutions.json")
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    script = begin(arguments)
    rows = []
    for threads in sorted({1, torch.get_num_threads()}):
        for row in measure(threads, arguments.repeats):
            rows.append(row)
            ratio, share = (
                f"{row['plain_over_this']:5.2f} x as fast as plain",
                f"{row['share_of_ceiling']:.2f} of ceiling",
            )
            print(f"{threads} threads  {row['what']:9s} {row['ms']:7.0f} ms  {ratio}  {share}", flush=True)
    sizes = {"models": MODELS, "batch": BATCH, "shape": SHAPE, "latents": LATENTS}
    script.save("convolutions.json", {**sizes, "repeats": arguments.repeats, "rows": rows})


if __name__ == "__main__":
    main()
