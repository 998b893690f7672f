"""The table of the CUDA kernels' registers, from a report of ptxas."""

from benchmarks.kernels.resources import TABLE, Kernel, architectures, difference, kernels, page

REPORT = """
ptxas info    : Compiling entry function '_Z3oneIfEvv' for 'sm_90'
ptxas info    : Function properties for _Z3oneIfEvv
    40 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 72 registers, used 1 barriers, 40 bytes cumulative stack size, 2048 bytes smem, 352 bytes cmem[0]
ptxas info    : Compile time = 1.5 ms
ptxas info    : Compiling entry function '_Z3twov' for 'sm_90'
ptxas info    : Function properties for _Z3twov
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 16 registers, used 0 barriers
"""


def test_a_report_is_read() -> None:
    one, two = kernels("a.cu", REPORT)
    assert one == Kernel("a.cu", "_Z3oneIfEvv", "sm_90", registers=72, shared_bytes=2048, stack_bytes=40)
    assert two == Kernel("a.cu", "_Z3twov", "sm_90", registers=16, shared_bytes=0, stack_bytes=0)


def test_a_change_is_one_sentence_that_says_how_to_take_it_over() -> None:
    held = page(list(kernels("a.cu", REPORT)), "13.0")
    assert "| a.cu | `_Z3twov` | - | - | 16 / 0 | - |" in held and difference(held, held) is None
    problem = difference(held, held.replace("16 / 0", "17 / 0"))
    assert problem is not None and "17 / 0" in problem and "make cuda-table" in problem
    assert difference(held, held.replace("| a.cu | `_Z3twov` | - | - | 16 / 0 | - |\n", "")) is not None


def test_the_committed_table_holds_every_file_and_architecture() -> None:
    text = TABLE.read_text()
    files = {path.name for path in (TABLE.parents[1] / "csrc/kernels/cuda").rglob("*.cu")}
    assert all(f"| {name} |" in text for name in files) and all(f"sm_{n} |" in text for n in architectures())
