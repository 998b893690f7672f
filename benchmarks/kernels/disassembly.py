"""What nvdisasm says of a kernel, as loops and the ways round them.

A loop's way is the shortest from its head back to its head that meets instructions of interest as often as a round
needs: how the loop runs where nothing unusual happens. Loops inside it count as nothing, so that each instruction
belongs to one loop.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_SECTION = "\t.section\t.text."
_LABEL = re.compile(r"^(\.L_\w+):")
_INSTRUCTION = re.compile(
    r"^\s+/\*[0-9a-f]{4,}\*/\s+(?P<guard>@!?U?P\w+\s+)?(?P<name>[A-Z][\w.]*)\s*(?P<operands>[^;]*);"
)
_TARGET = re.compile(r"`\((\.L_\w+)\)")
_BARRIER = re.compile(r"^B\d+")
_ENDS = ("EXIT", "RET", "BRX", "JMP", "KILL")


@dataclass
class Block:
    """Instructions that run one after the other, by name, and the blocks that may come next."""

    instructions: list[str] = field(default_factory=list)
    following: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Loop:
    """Blocks of a kernel; `head` is where they are entered."""

    head: int
    blocks: frozenset[int]


def functions(text: str) -> Iterator[tuple[str, list[Block]]]:
    """Every function of a disassembly with its blocks, the first of which is where it begins."""
    for part in text.split(_SECTION)[1:]:
        yield part.partition(",")[0], _blocks(part.splitlines())


def _blocks(lines: Sequence[str]) -> list[Block]:
    blocks, labels, jumps = [Block()], dict[str, int](), dict[int, str]()
    reconverges = dict[str, str]()  # by barrier: where threads meet again
    falls = [True]
    for line in lines:
        if label := _LABEL.match(line):
            if blocks[-1].instructions:
                blocks.append(Block())
                falls.append(True)
            labels[label[1]] = len(blocks) - 1
        if not (found := _INSTRUCTION.match(line)):
            continue
        name, target = found["name"], _TARGET.search(found["operands"])
        blocks[-1].instructions.append(name)
        if name == "BSSY" and target:
            reconverges[_barrier(found["operands"])] = target[1]
        ends = name.split(".")[0] in _ENDS
        if name == "BSYNC":
            jumps[len(blocks) - 1] = reconverges[_barrier(found["operands"])]
        elif name.startswith("BRA") and target:
            jumps[len(blocks) - 1] = target[1]
        elif not ends:
            continue
        # A barrier's target is met by every thread in the end, whether it is guarded or not.
        falls[-1] = bool(found["guard"]) or name.startswith("BRA.DIV")
        blocks.append(Block())
        falls.append(True)
    for number, block in enumerate(blocks):
        following = [labels[jumps[number]]] if jumps.get(number) in labels else []
        if falls[number] and number + 1 < len(blocks):
            following.append(number + 1)
        block.following = following
    return blocks


def _barrier(operands: str) -> str:
    found = _BARRIER.match(operands.strip())
    return found[0] if found else ""


# --- Loops ------------------------------------------------------------------------------------------------------------


def loops(blocks: Sequence[Block]) -> list[Loop]:
    """The natural loops, inner ones before those around them."""
    before: dict[int, list[int]] = {number: [] for number in range(len(blocks))}
    for number, block in enumerate(blocks):
        for target in block.following:
            before[target].append(number)
    bodies: dict[int, set[int]] = {}
    for tail, head in _back_edges(blocks):
        body = bodies.setdefault(head, {head})
        waiting = [tail]
        while waiting:
            number = waiting.pop()
            if number not in body:
                body.add(number)
                waiting += before[number]
    found = [Loop(head, frozenset(body)) for head, body in bodies.items()]
    return sorted(found, key=lambda loop: len(loop.blocks))


def _back_edges(blocks: Sequence[Block]) -> list[tuple[int, int]]:
    """Edges to a block that is being visited, by a walk in depth from the first block."""
    found, done, path = [], set[int](), [0]
    inside = {0}
    while path:
        number = path[-1]
        targets = [t for t in blocks[number].following if t not in done]
        found += [(number, t) for t in targets if t in inside and (number, t) not in found]
        ahead = next((t for t in targets if t not in inside), None)
        if ahead is None:
            done.add(number)
            inside.discard(path.pop())
        else:
            path.append(ahead)
            inside.add(ahead)
    return found


# --- The way round one ------------------------------------------------------------------------------------------------


def way(blocks: Sequence[Block], loop: Loop, every: Sequence[Loop], meets: Mapping[str, int]) -> Counter[str] | None:
    """The loop's way that meets instructions as often as asked, by name; None if it has none.

    `every` holds all loops, and `meets` how often at least names that begin so have to occur.
    """
    inner = _outermost_within(loop, every)
    # By node, and how much of `meets` is met before it: the fewest instructions, and the blocks that hold them.
    best: dict[tuple[int, tuple[int, ...]], tuple[int, list[int]]] = {(loop.head, (0,) * len(meets)): (0, [])}
    rounds: list[tuple[int, list[int]]] = []
    for node in _in_order(blocks, loop, inner):
        own = [] if node in inner else blocks[node].instructions
        found = [sum(name.startswith(start) for name in own) for start in meets]
        for (at, met), (length, path) in list(best.items()):
            if at != node:
                continue
            now = tuple(min(m + f, asked) for m, f, asked in zip(met, found, meets.values(), strict=True))
            longer = length + len(own), [*path, node] if own else path
            for target in _leaving(blocks, node, inner):
                if target == loop.head and now == tuple(meets.values()):
                    rounds.append(longer)
                elif target != loop.head and target in loop.blocks:
                    key = (_node(target, inner), now)
                    best[key] = min(best.get(key, longer), longer)
    if not rounds:
        return None
    return Counter(name for node in min(rounds)[1] for name in blocks[node].instructions)


def _outermost_within(loop: Loop, every: Sequence[Loop]) -> dict[int, Loop]:
    """By head, the loops directly inside this one."""
    inside = [other for other in every if other.head != loop.head and other.blocks < loop.blocks]
    return {o.head: o for o in inside if not any(o.blocks < other.blocks for other in inside)}


def _node(block: int, inner: Mapping[int, Loop]) -> int:
    return next((head for head, loop in inner.items() if block in loop.blocks), block)


def _leaving(blocks: Sequence[Block], node: int, inner: Mapping[int, Loop]) -> set[int]:
    if node not in inner:
        return set(blocks[node].following)
    return {t for number in inner[node].blocks for t in blocks[number].following} - inner[node].blocks


def _in_order(blocks: Sequence[Block], loop: Loop, inner: Mapping[int, Loop]) -> list[int]:
    """The loop's blocks, inner loops as one, each after all that lead to it."""
    order: list[int] = []
    seen = set[int]()

    def visit(node: int) -> None:
        seen.add(node)
        for target in _leaving(blocks, node, inner):
            following = _node(target, inner)
            if target in loop.blocks and target != loop.head and following not in seen:
                visit(following)
        order.append(node)

    visit(loop.head)
    return order[::-1]
