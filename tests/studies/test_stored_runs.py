"""The runs that docs quote: their findings are what today's code reads off their tables, and pages quote them."""

import shutil
from pathlib import Path

import pytest

from pyvae.studies.agreement.report import write_texts as tell_agreement
from pyvae.studies.biased_grid.summary import write_summary as tell_grid
from pyvae.studies.biased_sprites.summary import write_summary as tell_sprites
from pyvae.studies.folder import study_in
from pyvae.studies.schedules.report import write_texts as tell_schedules

TOLD_BY = {
    "agreement": tell_agreement,
    "biased-grid": tell_grid,
    "biased-sprites": tell_sprites,
    "schedules": tell_schedules,
}
ROOT = Path(__file__).parents[2]
STORED = sorted(path.parent for path in ROOT.glob("docs/**/findings.md"))
PAGES = [page for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))) if "findings.md)" in page.read_text()]


def test_runs_are_stored() -> None:
    names = {str(folder.relative_to(ROOT / "docs")) for folder in STORED}
    assert names == {
        "agreement",
        "biased-sprites",
        "grid-study",
        "grid-study/fine",
        "grid-study/long",
        "grid-study/warmup",
        "schedules",
    }


@pytest.mark.parametrize("folder", STORED, ids=lambda folder: str(folder.relative_to(ROOT / "docs")))
def test_findings_are_those_of_the_tables(folder: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(folder, tmp_path / "run"))
    (out / "findings.md").unlink()
    study, _ = study_in(out)
    TOLD_BY[study.name](out)
    assert (out / "findings.md").read_text() == (folder / "findings.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_quotations_stand_in_a_finding(page: Path) -> None:
    """A quotation is a paragraph behind `> ` on a page that links to findings."""
    told = " ".join(" ".join((folder / "findings.md").read_text() for folder in STORED).split())
    quoted = [" ".join(block) for block in _quotations(page.read_text())]
    assert quoted and all(quote in told for quote in quoted), [quote for quote in quoted if quote not in told]


def _quotations(text: str) -> list[list[str]]:
    blocks, block = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("> "):
            block.append(line[2:].strip())
        elif block:
            blocks.append(block)
            block = []
    return blocks
