"""results.parquet: the table of a sweep, and beside it a note on the versions of the files that it was made of.

The note is no part of the table, which has the same bits whenever it is made of the same rows. It names the version of
the table that it belongs to, and one that belongs to another is as none.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pyvae.files import atomic_path, atomic_write_text
from pyvae.sweeps.names import NOTE, RESULTS
from pyvae.sweeps.table.merging import FAILED, REASON, SHARD, STATUS, Layout, layout_of
from pyvae.sweeps.table.outcomes import Stamp, Version, version_of

FORMAT = 2
"""Of the note; a file with another is made again. Notes of format 1 may name the version of another's table."""


@dataclass(frozen=True)
class Held:
    """The table of a sweep, and what it was made of."""

    table: pa.Table
    cells: Version
    """Of cells.parquet."""
    stamps: dict[str, Stamp]
    """Of the shards that are finished or have failed, in the sweep's order."""
    layouts: dict[str, Layout]
    """The columns of each finished shard's rows.parquet."""

    @classmethod
    def nothing(cls) -> "Held":
        """What is held before there is a results.parquet."""
        return cls(pa.table({name: pa.array([], pa.string()) for name in (SHARD, STATUS, REASON)}), (0, 0), {}, {})

    @classmethod
    def read(cls, folder: Path) -> "Held":
        """What results.parquet holds; nothing where there is none of this version, or it cannot be read."""
        try:
            note = json.loads((folder / NOTE).read_text())
            with (folder / RESULTS).open("rb") as file:  # of which the version is, whatever takes its place meanwhile
                if note["format"] != FORMAT or note["table"] != [*version_of(file.fileno())]:
                    return cls.nothing()
                table = pq.read_table(file).replace_schema_metadata()
            layouts = [tuple(map(tuple, layout)) for layout in note["layouts"]]
            shards = note["shards"].items()
            return cls(
                table,
                tuple(note["cells"]),
                {shard: Stamp(file, tuple(version)) for shard, (file, version, _) in shards},
                {shard: layouts[at] for shard, (_, _, at) in shards if at is not None},
            )
        except (OSError, pa.ArrowException, ValueError, LookupError, TypeError, AttributeError):
            return cls.nothing()

    def write(self, folder: Path) -> Path:
        """Writes results.parquet, and then its note."""
        path = folder / RESULTS
        with atomic_path(path) as temporary:
            pq.write_table(self.table, temporary)
            version = version_of(temporary)  # not of what is at `path` later, which may be another's
        atomic_write_text(folder / NOTE, self._note(version))
        return path

    def is_of(self, cells: Version, stamps: dict[str, Stamp]) -> bool:
        """Whether these are the versions, and the order of shards, that the table was made of."""
        return self.cells == cells and [*self.stamps.items()] == [*stamps.items()]

    def known(self, stamps: Mapping[str, Stamp]) -> dict[str, Stamp]:
        """Those shards of which all is held: nothing has changed, and no column took another type beside others."""
        held = {*layout_of(self.table)}
        whole = {layout for layout in {*self.layouts.values()} if held.issuperset(layout)}
        lost = {shard for shard, layout in self.layouts.items() if layout not in whole}
        same = {shard: stamp for shard, stamp in stamps.items() if self.stamps.get(shard) == stamp}
        return {shard: stamp for shard, stamp in same.items() if shard not in lost}

    def rows(self, shards: Iterable[str]) -> list[pa.Table]:
        """The rows of finished shards as they themselves had them, a table for each set of columns."""
        of: dict[Layout, list[str]] = {}
        for shard in shards:
            of.setdefault(self.layouts[shard], []).append(shard)
        return [
            self.table.filter(pc.field(SHARD).isin(members)).select([name for name, _ in layout])
            for layout, members in of.items()
        ]

    def reasons(self, shards: Iterable[str]) -> dict[str, str]:
        """Why failed shards failed."""
        failed = self.table.filter(pc.field(STATUS) == FAILED)
        known = dict(zip(failed[SHARD].to_pylist(), failed[REASON].to_pylist(), strict=True))
        return {shard: known[shard] for shard in shards}

    def _note(self, table: Version) -> str:
        layouts = {layout: at for at, layout in enumerate(dict.fromkeys(self.layouts.values()))}
        at = {shard: layouts[layout] for shard, layout in self.layouts.items()}
        shards = {shard: (*stamp, at.get(shard)) for shard, stamp in self.stamps.items()}
        note = {"format": FORMAT, "table": table, "cells": self.cells, "layouts": [*layouts], "shards": shards}
        return json.dumps(note, separators=(",", ":")) + "\n"
