"""findings.md says what findings() says, and the committed study's texts are those its results give."""

import re
from pathlib import Path

import pytest

from pyvae.studies.biased_grid.findings.answers import findings
from pyvae.studies.biased_grid.results import load_results
from pyvae.studies.biased_grid.summary import summary, write_summary
from tests.studies.biased_grid import synthetic

ROOT = Path(__file__).parents[3]
COMMITTED = [ROOT / "docs/grid-study", ROOT / "docs/grid-study/warmup"]


def test_every_answer_is_in_the_summary() -> None:
    results = synthetic.results()
    text = summary(results)
    for answer in findings(results):
        assert f"## {answer.question}\n\n{answer.short}\n" in text
        assert all(f"- {detail}\n" in text for detail in answer.details)


def test_a_folder_without_results_is_refused(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="folder must hold a finished study"):
        write_summary(tmp_path)


@pytest.mark.parametrize("folder", COMMITTED, ids=lambda path: path.name)
def test_the_committed_findings_follow_from_the_committed_results(folder: Path) -> None:
    assert (folder / "findings.md").read_text() == summary(load_results(folder))


def test_the_readme_quotes_the_committed_findings() -> None:
    findings_text = "".join((folder / "findings.md").read_text() for folder in COMMITTED)
    readme = (ROOT / "README.md").read_text()
    quotes = [
        " ".join(quote.replace("\n> ", " ").split())[2:] for quote in re.findall(r"(?:^> .*\n)+", readme, re.MULTILINE)
    ]
    assert quotes
    for quote in quotes:
        assert quote in findings_text
