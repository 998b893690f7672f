"""What is drawn of studies with enough cells, and with too few."""

import dataclasses

import pyarrow as pa

from pyvae.studies.agreement.figures.intervals import unsupervised, use
from pyvae.studies.agreement.figures.matrix import agreement
from pyvae.studies.agreement.figures.models import protocol, rotation
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import CONTENT, DISENTANGLEMENT, USE
from tests.studies.agreement.synthetic import noise, results


def test_every_two_scores_have_a_cell_with_a_number_and_an_interval() -> None:
    scores = len(DISENTANGLEMENT) + len(CONTENT) + len(USE)
    texts = [text.get_text() for text in agreement(results(otherwise=noise)).axes[0].texts]
    assert len(texts) == 2 * scores * (scores - 1) and sum("…" in text for text in texts) == len(texts) / 2


def test_scores_have_intervals_overall_and_within_cells() -> None:
    for seeds, drawn in ((5, 2), (1, 1)):
        panels = use(results(otherwise=noise, seeds=seeds)).axes
        assert len(panels) == len(USE)
        lines = [line for line in panels[0].lines if len(line.get_xdata()) == 2]
        assert len(lines) == drawn * len(DISENTANGLEMENT) + 1 + 1  # I(x; z), and the line at 0


def test_of_too_few_cells_nothing_is_drawn_but_why() -> None:
    made = results(otherwise=noise)
    two = dataclasses.replace(made, table=made.table.filter(pa.array(made.objective < 2)))
    assert two.in_use.any()
    for figure, why in (
        (agreement, "of 8 pairs of objective and strength, and 10 pairs are needed."),
        (use, "of 8 pairs of objective and strength, and 10 pairs are needed."),
        (unsupervised, "of 8 pairs of objective and strength, and 10 pairs are needed."),
        (protocol, "no score has two protocols that vary over enough models."),
        (rotation, "no model in use has scores of its code rotated."),
    ):
        made = without_rotations(two) if figure is rotation else two
        panels = [panel for panel in figure(made).axes if panel.texts]
        assert panels and not any(panel.axison or panel.lines for panel in panels), figure
        for panel in panels:
            text = " ".join(panel.texts[0].get_text().split())
            assert text.startswith("This study cannot tell: ") and text.endswith(why)


def without_rotations(made: Results) -> Results:
    names = [name for name in made.table.column_names if not name.startswith("rotated_")]
    return dataclasses.replace(made, table=made.table.select(names))
