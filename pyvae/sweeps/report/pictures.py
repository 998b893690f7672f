"""What models of a few cells draw: a pane each, with test images beside reconstructions, and latents that move."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pyvae.data import DataSet
from pyvae.errors import UserError
from pyvae.pages.run import Member, Run, open_run
from pyvae.pages.sections import latent_label
from pyvae.pages.sheet import How, Material, Sheet, material
from pyvae.pictures import NothingToShow, quantile_traversal, reconstruction
from pyvae.plotting.pixels import strip
from pyvae.report.page import paragraph, strips
from pyvae.report.sortable import pane
from pyvae.sweeps.folder import SweepFolder
from pyvae.sweeps.names import RUN
from pyvae.sweeps.report.matching import fits
from pyvae.sweeps.report.measures import Format
from pyvae.sweeps.report.show import Show
from pyvae.sweeps.report.sweep import Sweep
from pyvae.sweeps.table.merging import SHARD

CAPTION = (
    "Of each configuration the model of one seed, the first that has a value, not the best one. Test images, what the "
    "model decodes from their posterior means, and the latents most in use (largest KL; of deterministic codes the "
    "largest variance), each from the 1 % to the 99 % quantile of the aggregate posterior while the others stay at the "
    "first image's posterior mean."
)


def name_of(row: int) -> str:
    """Of the pane of a model, which links name."""
    return f"model-{row}"


def panes(sweep: Sweep, titles: Mapping[int, str], measures: Sequence[str], show: Show) -> str:
    """The panes of rows of the results, each with its title, in this order, and with what was measured; a run is opened
    once for all of its models.
    """
    rows = list(titles)
    drawn: dict[int, str] = {}
    artist = Artist(sweep.folder, show)
    for row in sorted(rows, key=lambda row: str(sweep.table[SHARD][row])):
        drawn[row] = artist.pictures(sweep.row(row))
    told = [paragraph(_of(sweep, row, measures), "note") for row in rows]
    shown = [pane(name_of(row), titles[row], of, drawn[row]) for row, of in zip(rows, told, strict=True)]
    return paragraph(CAPTION, "note") + "".join(shown) if shown else ""


def _of(sweep: Sweep, row: int, measures: Sequence[str]) -> str:
    """Which model is shown, and its numbers."""
    numbers = [(name, sweep.values(name)) for name in measures]
    told = [f"{name} {Format.of(values)(values[row])}" for name, values in numbers if np.isfinite(values[row])]
    seed = sweep.named(row, seed=True)
    return f"Cell {sweep.cell(row)}{f', {seed}' if seed else ''}: {', '.join(told)}."


class Artist:
    """Draws models of a sweep, one after the other; keeps the run and the images that it opened last."""

    def __init__(self, folder: Path, show: Show) -> None:
        self._folder, self._show = SweepFolder(folder), show
        self._how = How(show.images, show.points)
        self._run: tuple[str, Run] | None = None
        self._material: tuple[DataSet, Material] | None = None

    def pictures(self, row: Mapping[str, object]) -> str:
        """Of the model of a row of the results: rows of images, or the sentence that says why there are none."""
        try:
            member = self._member(row)
            return self._drawn(Sheet(member, self._material_of(member), self._how))
        except (UserError, NothingToShow, OSError) as problem:
            return paragraph(f"There are no pictures: {problem}", "note")

    def _member(self, row: Mapping[str, object]) -> Member:
        """The only model that the row can be of."""
        shard = str(row[SHARD])
        if self._run is None or self._run[0] != shard:
            self._run = shard, open_run(self._folder.shard(shard) / RUN, shard)
        found = [member for member in self._run[1].members if fits(row, _named(member))]
        if len(found) != 1:
            raise NothingToShow(f"{len(found) or 'none'} of the models in shard {shard} can be the one of this row.")
        return found[0]

    def _material_of(self, member: Member) -> Material:
        if self._material is None or self._material[0] is not member.data:
            self._material = member.data, material(member.data, self._how)
        return self._material[1]

    def _drawn(self, sheet: Sheet) -> str:
        if sheet.fault is not None:
            raise NothingToShow(sheet.fault)
        model, seen = sheet.member.model, sheet.material
        moving = sheet.latents[: self._show.latents]
        rows = [("test images", seen.shown), ("reconstructions", reconstruction(model, seen.shown))]
        if moving:
            moved = quantile_traversal(model, sheet.codes, sheet.start, steps=self._show.images, latents=moving)
            rows += [(latent_label(sheet, latent), images) for latent, images in zip(moving, moved, strict=True)]
        return strips([(name, strip(images.numpy(), seen.shape)) for name, images in rows], "")


def _named(member: Member) -> dict[str, object]:
    """A model's coordinates by the names that tables have for them."""
    bias, strength = member.recipe.axes
    held = {bias: member.cell.bias, strength: member.cell.strength, "seed": member.cell.seed}
    return held | ({"group": member.group} if member.group else {})
