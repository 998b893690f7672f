"""The mutants as data: one file per op, each entry a change to one source file that the tests have to notice."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Mutant:
    """Replaces `text`, which occurs once in `file`, by `put`."""

    op: str
    number: int
    file: str
    text: str
    put: str
    why: str

    @property
    def name(self) -> str:
        return f"{self.op}-{self.number:02}"

    def apply(self, root: Path) -> None:
        """Changes the file below `root`.

        Raises:
            ValueError: if the text does not occur exactly once, or the replacement changes nothing.
        """
        path = root / self.file
        source = path.read_text() if path.is_file() else ""
        if source.count(self.text) != 1 or self.text == self.put:
            raise ValueError(
                f"{self.name} no longer applies: {self.file} holds its text {source.count(self.text)} times."
            )
        path.write_text(source.replace(self.text, self.put))


def load() -> list[Mutant]:
    """All mutants, op by op."""
    mutants = []
    for path in sorted(FOLDER.glob("*.toml")):
        for number, entry in enumerate(tomllib.loads(path.read_text())["mutant"], start=1):
            mutants.append(Mutant(path.stem, number, **entry))
    return mutants
