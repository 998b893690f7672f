"""What a warp issues in the inner loops of the CUDA kernels, from the disassembly; no GPU needed.

    python -m benchmarks.kernels.instructions            # prints the table
    python -m benchmarks.kernels.instructions --write    # writes docs/cuda-instructions.md: `make cuda-instructions`

Needs nvcc, and nvdisasm on the path or from the package nvidia-cuda-nvdisasm.
"""

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.kernels.disassembly import Block, functions, loops, way
from benchmarks.kernels.resources import ROOT, SOURCES, demangled, tool, version

PAGE = ROOT / "docs/cuda-instructions.md"
ARCHITECTURE = "sm_90"
PREFACE = """\
# Instructions of the CUDA kernels' inner loops

Of a warp, from the disassembly for {architecture} by nvcc {version}; `make cuda-instructions` writes this page. Each
row of the table is about one loop of a kernel: the fewest instructions that one pass through its body can take, without
those of loops inside it, divided by the number of terms that a thread works out in a pass. The floor is
what the formula needs: operations of the multiply-add pipes and exponentials, or bytes of each tensor touched once.
Nothing here is a time.

A scheduler, of which a multiprocessor has four, issues an instruction of a warp per clock. An exponential of a warp
keeps its special-function unit busy for eight. L1 returns a register of a warp per clock to all four, however many
lanes read the same address: a load of 16 bytes takes sixteen clocks of a scheduler's share, which the column L1 counts.
"""

# --- What is counted --------------------------------------------------------------------------------------------------

EX2, FMA, LOAD, STORE = "MUFU.EX2", "FFMA", "LDG.E.128", "STG.E.128"


@dataclass(frozen=True)
class Counted:
    """A loop of a kernel: of those whose way meets `meets`, the shortest with none of them inside, or with some."""

    file: str
    kernel: str
    what: str
    per: str
    units: int
    meets: Mapping[str, int]
    floor: str
    around: bool = False


_TERM, _PAIR, _PAIR_LATENT, _ELEMENT = "term (i, j, d)", "pair (i, j)", "pair and latent", "element"

_MOMENTS = "{}<InPacks<pyvae::BFloat16> >"


def _stored(packs: int) -> dict[str, int]:
    """By ways that store half types: two numbers are rounded at once."""
    return {STORE: packs, "F2FP.BF16": 4 * packs}


COUNTED = [
    Counted(
        "minibatch_log_density", "SumParts<true, 4, float>", "a marginal", _TERM, 64, {EX2: 64, FMA: 64}, "4 + 1 ex2"
    ),
    Counted("joint_log_density", "SumParts<false, 4, float>", "exponents", _PAIR_LATENT, 64, {FMA: 64}, "3"),
    Counted("joint_log_density", "SumParts<false, 4, float>", "sums", _PAIR, 64, {EX2: 64}, "2 + 1 ex2"),
    Counted("minibatch_log_density", "SumColumns<true, 2, float>", "gradients", _TERM, 32, {EX2: 32}, "9 + 1 ex2"),
    Counted("minibatch_log_density", "SumRows<true, 2, float>", "gradients", _TERM, 32, {EX2: 32}, "7 + 1 ex2"),
    Counted("minibatch_log_density", "SumColumns<true, 2, float>", "weights", _PAIR, 32, {EX2: 32}, "3 + 1 ex2", True),
    Counted("minibatch_log_density", "SumRows<true, 2, float>", "weights", _PAIR, 32, {EX2: 32}, "3 + 1 ex2", True),
    Counted("joint_log_density", "SumColumns<false, 4, float>", "exponents", _PAIR_LATENT, 64, {FMA: 64}, "3"),
    Counted("joint_log_density", "SumColumns<false, 4, float>", "weights", _PAIR, 64, {EX2: 64}, "3 + 1 ex2"),
    Counted(
        "joint_log_density", "SumColumns<false, 4, float>", "gradients", _PAIR_LATENT, 64, {FMA: 64, "STG": 4}, "4"
    ),
    Counted("joint_log_density", "SumRows<false, 4, float>", "exponents", _PAIR_LATENT, 64, {FMA: 64}, "3"),
    Counted("joint_log_density", "SumRows<false, 4, float>", "weights", _PAIR, 64, {EX2: 64}, "3 + 1 ex2"),
    Counted("joint_log_density", "SumRows<false, 4, float>", "gradients", _PAIR_LATENT, 64, {FMA: 64, "STG": 4}, "3"),
    Counted("gridded_marginals", "SpreadComponents", "nodes", "component and node", 16, {EX2: 16}, "4 + 1 ex2"),
    Counted("gridded_marginals", "SpreadQueries", "nodes", "query and node", 16, {EX2: 16}, "4 + 1 ex2"),
    Counted("gridded_marginals", "GatherComponents", "nodes", "component and node", 4, {EX2: 4}, "8 + 1 ex2"),
    Counted("reparameterize", "Sample<float>", "all", _ELEMENT, 4, {STORE: 1}, "12 bytes"),
    Counted("reparameterize", "SampleBackward<float>", "all", _ELEMENT, 4, {STORE: 1}, "12 bytes"),
    Counted("reparameterize_with_kl", "SampleWithKl<float>", "all", _ELEMENT, 4, {STORE: 1}, "12 bytes"),
    Counted("reparameterize_with_kl", "SampleWithKlBackward<float>", "all", _ELEMENT, 4, {STORE: 2}, "20 bytes"),
    Counted("reparameterize_moments", _MOMENTS.format("SampleMoments"), "all", _ELEMENT, 8, _stored(1), "6 bytes"),
    Counted("reparameterize_moments", _MOMENTS.format("MomentsBackward"), "all", _ELEMENT, 8, _stored(2), "10 bytes"),
    Counted("gaussian_kl", "KlOfLatents<float>", "all", _ELEMENT, 4, {STORE: 1}, "12 bytes"),
    Counted("gaussian_kl", "KlOfRows<float>", "all", _ELEMENT, 4, {LOAD: 2}, "8 bytes"),
    Counted("gaussian_kl", "KlBackward<float>", "all", _ELEMENT, 4, {STORE: 2}, "16 bytes"),
]

# --- Counting ---------------------------------------------------------------------------------------------------------

_SCHEDULERS = 4
_REGISTERS = {".128": 4, ".64": 2}  # that a load returns, by its width

_KINDS = {
    "multiply-add pipes": ("FADD", "FMUL", "FFMA"),
    "special functions": ("MUFU",),
    "loads and stores": ("LD", "ST", "ATOM"),
}


def kinds(instructions: Counter[str]) -> list[int]:
    """All of them, then those of each kind, then the others."""
    of_kind = [_begins(instructions, *starts) for starts in _KINDS.values()]
    return [instructions.total(), *of_kind, instructions.total() - sum(of_kind)]


def l1_clocks(instructions: Counter[str]) -> int:
    """Clocks for which L1 returns what they load, while it serves the other schedulers alike."""
    loads = {name: n for name, n in instructions.items() if name.startswith(("LDG", "LDS", "LDL", "LD."))}
    wide = [(n, next((r for width, r in _REGISTERS.items() if width in name), 1)) for name, n in loads.items()]
    return _SCHEDULERS * sum(n * registers for n, registers in wide)


def count(blocks: list[Block], counted: Counted) -> Counter[str] | None:
    """The instructions of the loop's way."""
    every = loops(blocks)
    found = [(loop, met) for loop in every if (met := way(blocks, loop, every, counted.meets)) is not None]
    fit = [met for loop, met in found if counted.around == any(other.blocks < loop.blocks for other, _ in found)]
    return min(fit, key=lambda met: met.total() / rounds(met, counted), default=None)


def rounds(instructions: Counter[str], counted: Counted) -> float:
    """How many of the source's rounds a way makes: several where the compiler has unrolled the loop."""
    return min(_begins(instructions, start) / least for start, least in counted.meets.items())


def _begins(instructions: Counter[str], *starts: str) -> int:
    return sum(n for name, n in instructions.items() if name.startswith(starts))


def page(rows: Iterable[tuple[Counted, Counter[str]]], nvcc_version: str) -> str:
    """The table as a page of docs."""
    lines = [
        PREFACE.format(architecture=ARCHITECTURE, version=nvcc_version),
        "| kernel | loop | per | all | " + " | ".join(_KINDS) + " | others | L1 | floor |",
        "| --- " * (7 + len(_KINDS)) + "|",
    ]
    for counted, instructions in rows:
        units = counted.units * rounds(instructions, counted)
        numbers = " | ".join(f"{n / units:.2f}" for n in (*kinds(instructions), l1_clocks(instructions)))
        lines.append(f"| `{counted.kernel}` | {counted.what} | {counted.per} | {numbers} | {counted.floor} |")
    return "\n".join(lines) + "\n"


# --- Compiling --------------------------------------------------------------------------------------------------------


def disassembly(nvcc: str, nvdisasm: str, file: str) -> dict[str, list[Block]]:
    """The kernels of a file by their names in the source."""
    with tempfile.TemporaryDirectory() as folder:
        binary = f"{folder}/kernels.cubin"
        command = [nvcc, "-std=c++20", "-cubin", f"-arch={ARCHITECTURE}", str(SOURCES / f"{file}.cu"), "-o", binary]
        subprocess.run(command, check=True)
        text = subprocess.run([nvdisasm, "-c", binary], capture_output=True, text=True, check=True).stdout
    found = list(functions(text))
    names = demangled([name for name, _ in found])
    return {name: blocks for name, (_, blocks) in zip(names, found, strict=True)}


def counts(nvcc: str, nvdisasm: str) -> list[tuple[Counted, Counter[str]]]:
    """Every loop of the list with its instructions."""
    files = {file: disassembly(nvcc, nvdisasm, file) for file in dict.fromkeys(c.file for c in COUNTED)}
    rows = []
    for counted in COUNTED:
        blocks = next((b for name, b in files[counted.file].items() if counted.kernel in name), None)
        found = count(blocks, counted) if blocks else None
        if found is None:
            sys.exit(f"{counted.file}.cu has no loop of {counted.kernel} that meets {dict(counted.meets)}.")
        rows.append((counted, found))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    write = parser.parse_args().write
    nvcc = tool("nvcc")
    made = page(counts(nvcc, tool("nvdisasm")), version(nvcc))
    PAGE.write_text(made) if write else print(made, end="")


if __name__ == "__main__":
    main()
