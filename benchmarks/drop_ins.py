"""The loss part of each client of examples/drop_ins before and after: time and memory of a forward and backward pass.

    python -m benchmarks.drop_ins                    # drop_ins.json into the results of this machine, a few minutes
    python -m benchmarks.drop_ins --client plain_torch    # the rows of others stay as they are

It runs the examples' own code, of those clients that are installed, whose networks are replaced by what hands over an
encoder's heads and a number per latent. So what is measured is all that a client does from the heads to the loss and
back to their gradients, its own objects and checks included, and none of its networks. One thread; before and after in
turns; medians of the times and of the ratios of each turn. Memory is how far a pass raises the peak of a process of its
own. What would need more than LIMIT is named and not run.
"""

import ctypes
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.script import begin, parser_of
from pyvae.bench.memory import kibibytes

ROWS = (128, 512, 2048, 8192)
TURNS, LEAST_TURNS = 15, 3
SECONDS = 0.05
"""Of one way's turn, about, if a call is shorter."""
CASE_SECONDS = 20.0
"""Of one client and size, about, if LEAST_TURNS allow."""
LIMIT = 4 * 2**30
"""Bytes that a pass may take, by the estimate below."""
HEAD_TENSORS = 16
"""Tensors as large as the heads that are alive at a time, at most; an upper bound for elementwise formulas."""
PAIR_TENSORS = 6
"""Tensors [M, M, D] that the backward of the copied density keeps or makes at a time."""
DATASET_SIZE = 100_000
LATENTS = 10

Way = Callable[..., object]
Pass = Callable[[], Tensor]
"""A forward pass to one number."""


class Heads(NamedTuple):
    """What an encoder gives: two tensors, or one that packs them along axis 1."""

    tensors: tuple[Tensor, ...]

    @classmethod
    def of(cls, count: int, *shape: int) -> "Heads":
        return cls(tuple((0.3 * torch.randn(shape)).requires_grad_() for _ in range(count)))


class Client(NamedTuple):
    package: str | None
    shape: tuple[int, ...]
    """Of one item's heads."""
    make: Callable[[object, Way, int], tuple[Heads, Pass]]
    """From the example, one of its ways and M."""
    pairs: bool = False
    """Whether the way before has a tensor [M, M, D]."""


# --- The clients, each without its networks ---------------------------------------------------------------------------


def plain_torch(example, way: Way, rows: int) -> tuple[Heads, Pass]:
    heads = Heads.of(2, rows, LATENTS)

    def run() -> Tensor:
        z, kl = way(*heads.tensors)
        return z.sum() + kl.mean()

    return heads, run


class Repeated(nn.Module):
    """A decoder that costs next to nothing: the sum of an item's latents."""

    def forward(self, z: Tensor) -> Tensor:
        return z.sum(-1, keepdim=True)


def pythae(example, way: Way, rows: int) -> tuple[Heads, Pass]:
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    heads, x = Heads.of(2, rows, LATENTS), torch.zeros(rows, 1)

    class Encoder(BaseEncoder):
        def forward(self, x: Tensor) -> ModelOutput:
            mu, logvar = heads.tensors
            return ModelOutput(embedding=mu, log_covariance=logvar)

    class Decoder(BaseDecoder):
        def forward(self, z: Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=Repeated()(z))

    tcvae = hasattr(example, "BetaTCVAEConfig")
    config = example.BetaTCVAEConfig if tcvae else example.VAEConfig
    model = way(config(input_dim=(1,), latent_dim=LATENTS))
    model.encoder, model.decoder = Encoder(), Decoder()
    settings = {"dataset_size": DATASET_SIZE} if tcvae else {}
    return heads, lambda: model({"data": x}, **settings).loss


def lightning_module(example, way: Way, rows: int) -> tuple[Heads, Pass]:
    heads = Heads.of(1, rows, 2 * LATENTS)
    model = way()
    model.encoder, model.decoder = nn.Identity(), Repeated()
    return heads, lambda: model.training_step(heads.tensors, 0)["loss"]


def diffusers(distribution: str) -> Callable[[object, Way, int], tuple[Heads, Pass]]:
    """By the module and the name of a distribution."""
    module, _, name = distribution.partition(":")

    def make(example, way: Way, rows: int) -> tuple[Heads, Pass]:
        kind = getattr(import_module(module), name)
        heads = Heads.of(1, rows, *CLIENTS[example.__name__.rpartition(".")[2]].shape)

        class Encoded:
            def encode(self, moments: Tensor) -> "Encoded":
                self.latent_dist = kind(moments)
                return self

        def run() -> Tensor:
            z, kl = way(Encoded(), *heads.tensors)
            return z.sum() + kl

        return heads, run

    return make


def scvi_counts(example, way: Way, rows: int) -> tuple[Heads, Pass]:
    from torch.distributions import Normal

    heads, x = Heads.of(2, rows, LATENTS), torch.zeros(rows, 1)
    kind = example.FusedVAE if way is example.after else example.VAE
    module, px = kind(1, n_latent=LATENTS), Normal(torch.zeros(rows, 1), 1.0)

    def run() -> Tensor:
        mean, spread = heads.tensors
        qz = Normal(mean, (spread.exp() + 1e-4).sqrt())  # as scvi-tools' encoder does, before and after
        z = qz.rsample()
        pz = Normal(torch.zeros_like(z), torch.ones_like(z))
        ends = {"X": x}, {"qz": qz, "z": z}, {"pz": pz, "px": px}
        return module.loss(*ends).loss + z.sum()

    return heads, run


IMAGES = "diffusers.models.autoencoders.vae:DiagonalGaussianDistribution"
SOUND = "diffusers.models.autoencoders.autoencoder_oobleck:OobleckDiagonalGaussianDistribution"
CLIENTS: dict[str, Client] = {
    "plain_torch": Client(None, (2 * LATENTS,), plain_torch),
    "pythae_vae": Client("pythae", (2 * LATENTS,), pythae),
    "pythae_beta_tcvae": Client("pythae", (2 * LATENTS,), pythae, pairs=True),
    "lightning_module": Client("lightning", (2 * LATENTS,), lightning_module),
    "diffusers_image": Client("diffusers", (8, 16, 16), diffusers(IMAGES)),  # 4 channels, images of 128 x 128
    "diffusers_video": Client("diffusers", (32, 2, 8, 8), diffusers(IMAGES)),  # 16 channels, 5 frames of 64 x 64
    "diffusers_audio": Client("diffusers", (128, 16), diffusers(SOUND)),  # 64 channels, 0.7 s at 44.1 kHz
    "scvi_counts": Client("scvi-tools", (2 * LATENTS,), scvi_counts),
}

# --- Measuring --------------------------------------------------------------------------------------------------------


def estimated_bytes(client: Client, way: str, rows: int) -> int:
    """At most, of a forward and backward pass."""
    of_heads = HEAD_TENSORS * 4 * rows * math.prod(client.shape)
    return of_heads + (PAIR_TENSORS * 4 * rows**2 * LATENTS if client.pairs and way == "before" else 0)


def prepared(name: str, way: str, rows: int) -> tuple[Heads, Pass]:
    torch.manual_seed(0)
    example = import_module(f"examples.drop_ins.{name}")
    return CLIENTS[name].make(example, getattr(example, way), rows)


def seconds(heads: Heads, run: Pass, count: int) -> float:
    """Of a forward and a backward pass."""
    start = time.perf_counter()
    for _ in range(count):
        run().backward()
        for tensor in heads.tensors:
            tensor.grad = None
    return (time.perf_counter() - start) / count


def times_of(name: str, ways: list[str], rows: int, turns: int) -> dict[str, list[float]]:
    made = {way: prepared(name, way, rows) for way in ways}
    fastest = {way: min(seconds(*one, 1) for _ in range(2)) for way, one in made.items()}  # the first call warms up
    counts = {way: max(1, round(SECONDS / taken)) for way, taken in fastest.items()}
    a_turn = sum(counts[way] * taken for way, taken in fastest.items())
    turns = min(turns, max(LEAST_TURNS, int(CASE_SECONDS / a_turn)))
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(turns):
        for way, one in made.items():
            times[way].append(seconds(*one, counts[way]))
    return times


def print_growth(name: str, way: str, rows: int) -> None:
    """How far the peak of this process grows in a pass, in MiB; heads are made before."""
    torch.set_num_threads(1)
    seconds(*prepared(name, way, 64), 1)
    heads, run = prepared(name, way, rows)
    with suppress(OSError, AttributeError):  # glibc alone: what was freed would hide what is taken now
        ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is that of now: proc(5)
    before = kibibytes("VmRSS")
    seconds(heads, run, 1)
    print((kibibytes("VmHWM") - before) / 1024)


def growth(name: str, way: str, rows: int) -> float:
    call = f"from benchmarks.drop_ins import print_growth; print_growth({name!r}, {way!r}, {rows})"
    command = [sys.executable, "-W", "ignore", "-c", call]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1])


def measure(name: str, rows: int, turns: int) -> dict[str, object]:
    needs = {way: estimated_bytes(CLIENTS[name], way, rows) for way in ("before", "after")}
    not_run = {
        way: f"not run: about {size / 2**30:.1f} GiB, more than {LIMIT / 2**30:g} GiB"
        for way, size in needs.items()
        if size > LIMIT
    }
    ways = [way for way in needs if way not in not_run]
    times = times_of(name, ways, rows, turns)
    row: dict[str, object] = {
        "client": name,
        "rows": rows,
        "microseconds": {way: 1e6 * statistics.median(taken) for way, taken in times.items()},
        "mebibytes": {way: growth(name, way, rows) for way in ways},
    }
    if not_run:
        return row | {"not run": not_run}
    ratios = [b / a for a, b in zip(times["after"], times["before"], strict=True)]
    return row | {"before over after": statistics.median(ratios)}


def why_missing(name: str) -> str | None:
    try:
        import_module(f"examples.drop_ins.{name}")
    except ImportError as error:
        return f"{CLIENTS[name].package}: {error}"
    return None


def told(row: dict[str, object]) -> str:
    parts = [f"{way} {taken:9.1f} us {row['mebibytes'][way]:7.1f} MiB" for way, taken in row["microseconds"].items()]
    if "not run" in row:
        parts += [f"{way} {why}" for way, why in row["not run"].items()]
    else:
        parts.append(f"{row['before over after']:.2f} times")
    return f"{row['client']:18s} {row['rows']:5d}: " + ", ".join(parts)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """What docs/drop-ins.md shows of them."""
    lines = [
        "| client | M | before, ms | after, ms | times as fast | before, MiB | after, MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        times, memory = row["microseconds"], row["mebibytes"]
        ratio = f"{row['before over after']:.2f}" if "before over after" in row else ""
        cells = [
            row["client"],
            str(row["rows"]),
            *(f"{times[way] / 1e3:.2f}" if way in times else "not run" for way in ("before", "after")),
            ratio,
            *(f"{memory[way]:.1f}" if way in memory else row["not run"][way] for way in ("before", "after")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = parser_of(__doc__, "drop_ins.json")
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--client", nargs="+", choices=CLIENTS, default=list(CLIENTS), metavar="CLIENT")
    arguments = parser.parse_args()
    script = begin(arguments, threads=1)
    missing = {name: why for name in arguments.client if (why := why_missing(name))}
    for name, why in missing.items():
        print(f"{name} is left out: {why}")
    names = [name for name in arguments.client if name not in missing]
    rows = []
    for name in names:
        for m in arguments.rows:
            rows.append(measure(name, m, arguments.turns))
            print(told(rows[-1]), flush=True)
    versions = {p: metadata.version(p) for p in sorted({CLIENTS[name].package for name in names} - {None})}
    heads = {name: CLIENTS[name].shape for name in names}
    held = {"versions": versions, "heads": heads, "left out": missing, "rows": rows}
    script.save("drop_ins.json", beside_others(held, script.out / "drop_ins.json"))


def beside_others(held: dict[str, Any], file: Path) -> dict[str, Any]:
    """With what the file has of clients that were not measured now, in their order."""
    earlier = (
        json.loads(file.read_text()) if file.is_file() else {"versions": {}, "heads": {}, "left out": {}, "rows": []}
    )
    others = [row for row in earlier["rows"] if row["client"] not in held["heads"]]
    order = list(CLIENTS)
    return {
        **{name: earlier[name] | held[name] for name in ("versions", "heads", "left out")},
        "rows": sorted(others + held["rows"], key=lambda row: order.index(row["client"])),
    }


if __name__ == "__main__":
    main()
