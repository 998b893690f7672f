"""What a bank costs: forward and backward of a minibatch's densities under all rows, and its share of a training step.

    python -m benchmarks.bank.cost --peer PYTHON         # bank_cost.json into this machine's results, eight minutes

M = 256 samples of ten latents under N rows, all in use, beside what one would write without a bank:
minibatch_log_density(estimator="full", method="exact") with gradients of z and of all rows, in this build and in an
older one, whose Python --peer names: the bar is of commit 48d180e. Providers in turn, each in a process of its own;
medians of the times, and of the ratios of each turn. Memory is what a process needs at its peak beyond the bank.

Then a step of a beta-TCVAE on images of 64 x 64 (1200-1200, Adam) with and without the density.
"""

import ctypes
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

import pyvae
from benchmarks.bank.cost_probe import call_of, inputs
from benchmarks.beside import Probe, turns
from benchmarks.script import begin, parser_of
from pyvae.bench.memory import kibibytes
from pyvae.losses import BernoulliReconstruction
from pyvae.nn import StackedVAE

ROWS = 256
SIZES = (6_144, 60_000, 737_280)
WIDTHS = {"0.1": (0.1,) * 10, "0.3": (0.3,) * 10, "5 of 0.1, 5 collapsed": (0.1,) * 5 + (1.0,) * 5}
ROUNDS = 7
PROBE = Path(__file__).parent / "cost_probe.py"
SIDE, HIDDEN, STEP_SIZE = 64, (1200, 1200), 60_000


def row(size: int, width: str, threads: int, peer: str | None) -> dict[str, object]:
    settings = {"size": size, "sigma": WIDTHS[width], "threads": threads, "rows": ROWS}
    pythons = {"bank": sys.executable, "exact": sys.executable, **({"exact of the peer": peer} if peer else {})}
    probes = {
        name: Probe(python, PROBE, {**settings, "provider": name.partition(" ")[0]}) for name, python in pythons.items()
    }
    times = turns(probes, ROUNDS if size < SIZES[-1] else 3)
    ratios = {
        f"ratio to {name}": statistics.median(a / b for a, b in zip(times["bank"], values, strict=True))
        for name, values in times.items()
        if name != "bank"
    }
    seconds = {f"{name}, s": statistics.median(values) for name, values in times.items()}
    return {"N": size, "width": width, "threads": threads, **seconds, **ratios}


def peak_beyond_bank(size: int) -> float:
    """MiB, in this process, which is to be a fresh one."""
    settings = {"size": size, "sigma": WIDTHS["0.3"], "provider": "bank", "rows": ROWS}
    call_of({**settings, "size": 2 * ROWS})()  # what a process needs once
    call = call_of(settings)
    ctypes.CDLL(None).malloc_trim(0)  # memory that was freed and is kept would be taken for nothing
    before = kibibytes("VmRSS", "/proc/self/status")
    Path("/proc/self/clear_refs").write_text("5")
    call()
    return (kibibytes("VmHWM", "/proc/self/status") - before) / 1024


def step_of(density: bool) -> Callable[[], None]:
    """A training step, to be called; with the bank's terms or the closed KL divergence."""
    torch.manual_seed(0)
    x, index = torch.rand(1, ROWS, SIDE * SIDE), torch.randperm(STEP_SIZE)[:ROWS]
    model = StackedVAE(1, SIDE * SIDE, HIDDEN, 10, seeds=range(1))
    optimiser, likelihood = torch.optim.Adam(model.parameters(), 1e-4), BernoulliReconstruction()
    rows, logvar, _, _ = inputs({"size": STEP_SIZE, "sigma": WIDTHS["0.3"], "rows": ROWS})
    bank = pyvae.PosteriorBank(STEP_SIZE, 10, leading=(1,))
    bank.update(torch.arange(STEP_SIZE), rows.unsqueeze(0), logvar.unsqueeze(0))
    objective = pyvae.losses.BetaTCVAE(bank=bank)

    def step() -> None:
        decoded, z, mu, of_logvar = model(x, seed=torch.tensor([3]))
        reconstruction = likelihood(x, decoded)
        if density:
            loss = objective(reconstruction, z, mu, of_logvar, index=index).loss
        else:
            loss = reconstruction + pyvae.gaussian_kl(mu, of_logvar)
        loss.mean().backward()
        optimiser.step()
        optimiser.zero_grad()

    return step


def share_of_step(threads: int) -> dict[str, object]:
    """Milliseconds of both steps in turn, and what of the first is the bank's."""
    torch.set_num_threads(threads)
    steps = {"with the bank": step_of(True), "with the KL divergence": step_of(False)}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(12):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if turn >= 3:
                times[name].append(1e3 * (time.perf_counter() - start))
    with_bank, without = (statistics.median(values) for values in times.values())
    return {"threads": threads, "with, ms": with_bank, "without, ms": without, "share": 1 - without / with_bank}


def in_fresh_process(what: str) -> float:
    return float(subprocess.run([sys.executable, "-m", __spec__.name, what], capture_output=True, check=True).stdout)


def main() -> None:
    if len(sys.argv) == 2 and sys.argv[1].isdigit():
        print(peak_beyond_bank(int(sys.argv[1])))
        return
    parser = parser_of(__doc__, "bank_cost.json")
    parser.add_argument("--peer", help="a Python that has an older pyvae")
    arguments = parser.parse_args()
    script, rows = begin(arguments), []
    for size in SIZES:
        for width in WIDTHS:
            for threads in (1, 2):
                rows.append(row(size, width, threads, arguments.peer))
                print(json.dumps(rows[-1]), flush=True)
    memory = {str(size): in_fresh_process(str(size)) for size in SIZES}
    steps = [share_of_step(threads) for threads in (1, 2)]
    print(memory, steps)
    script.save("bank_cost.json", {"minibatch": ROWS, "rows": rows, "MiB beyond the bank": memory, "steps": steps})


if __name__ == "__main__":
    main()
