"""Loops and the ways round them, from a disassembly; the table of instructions."""

from collections import Counter

from benchmarks.kernels.disassembly import Block, functions, loops, way
from benchmarks.kernels.instructions import COUNTED, PAGE, Counted, count, kinds, l1_clocks, page, rounds

# for (...) { LDG; for (...) FFMA, FFMA; if (rare) { SLOW x 3 } MUFU; }, with a rare exit that never comes back.
DISASSEMBLY = """
\t.section\t.text._Z1fv,"ax",@progbits
\t.align\t128
.text._Z1fv:
        /*0000*/                   LDC R1, c[0x0][0x28] ;
.L_x_1:
        /*0010*/                   LDG.E.128 R4, desc[UR4][R2.64] ;
        /*0020*/              @P2 EXIT ;
.L_x_2:
        /*0030*/                   FFMA R5, R4, R4, R5 ;
        /*0040*/                   FFMA R6, R4, R4, R6 ;
        /*0050*/               @P0 BRA `(.L_x_2) ;
        /*0060*/                   BSSY B0, `(.L_x_3) ;
        /*0070*/              @!P1 BRA `(.L_x_4) ;
        /*0080*/                   BSYNC B0 ;
.L_x_4:
        /*0090*/                   SLOW R7 ;
        /*00a0*/                   SLOW R7 ;
        /*00b0*/                   SLOW R7 ;
        /*00c0*/                   BSYNC B0 ;
.L_x_3:
        /*00d0*/                   MUFU.EX2 R8, R7 ;
        /*00e0*/               @P3 BRA `(.L_x_1) ;
        /*00f0*/                   EXIT ;
.L_x_5:
        /*0100*/                   BRA `(.L_x_5);
"""


def blocks() -> list[Block]:
    ((name, found),) = functions(DISASSEMBLY)
    assert name == "_Z1fv"
    return found


def test_the_way_round_a_loop_leaves_out_inner_loops_and_what_is_rare() -> None:
    found = blocks()
    every = loops(found)
    assert len(every) == 2  # the padding after the end is never reached
    inner, outer = every
    assert way(found, inner, every, {"FFMA": 2}) == Counter({"FFMA": 2, "BRA": 1})
    expected = {"LDG.E.128": 1, "EXIT": 1, "BSSY": 1, "BRA": 2, "BSYNC": 1, "MUFU.EX2": 1}
    assert way(found, outer, every, {"MUFU": 1}) == Counter(expected)


def test_a_way_that_has_to_meet_the_rare_part_does() -> None:
    found = blocks()
    every = loops(found)
    longer = way(found, every[1], every, {"MUFU": 1, "SLOW": 3})
    assert longer is not None and longer["SLOW"] == 3 and longer["MUFU.EX2"] == 1
    assert way(found, every[1], every, {"SLOW": 4}) is None and way(found, every[0], every, {"MUFU": 1}) is None


def test_an_unrolled_loop_counts_as_several_rounds() -> None:
    counted = Counted("file", "kernel", "loop", "term", 4, {"FFMA": 1}, "1")
    instructions = count(blocks(), counted)
    assert instructions is not None and rounds(instructions, counted) == 2
    assert kinds(instructions) == [3, 2, 0, 0, 1]
    row = "| `kernel` | loop | term | 0.38 | 0.25 | 0.00 | 0.00 | 0.12 | 0.00 | 1 |"
    assert row in page([(counted, instructions)], "13")


def test_l1_returns_registers_to_four_schedulers_in_turn() -> None:
    loads = Counter({"LDG.E.128": 2, "LDG.E.64.CONSTANT": 1, "LDS": 1})
    assert l1_clocks(loads) == 4 * (2 * 4 + 2 + 1)
    assert l1_clocks(Counter({"LDC.64": 3, "STG.E.128": 1, "FFMA": 1})) == 0


def test_the_committed_page_has_a_row_for_every_loop_of_the_list() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert len(rows) == len(COUNTED)
    assert all(row.startswith(f"| `{c.kernel}` | {c.what} | ") for row, c in zip(rows, COUNTED, strict=True))
