"""Figures, report and summary of a made-up study."""

import re
from pathlib import Path

import pytest

from pyvae.studies.biased_sprites import STUDY
from pyvae.studies.biased_sprites.figures.draw import figures_of
from pyvae.studies.biased_sprites.findings.answers import findings
from pyvae.studies.biased_sprites.report import write_report
from pyvae.studies.biased_sprites.results import load_results
from pyvae.studies.biased_sprites.texts import CAPTIONS, FIGURES_OF
from tests.studies.biased_sprites import synthetic


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study")
    synthetic.write_folder(path)
    STUDY.draw(path)
    STUDY.report(path)
    return path


def test_every_figure_is_drawn_and_has_its_place(folder: Path) -> None:
    names = set(figures_of(load_results(folder), folder))
    assert {path.stem for path in (folder / "figures").iterdir()} == names
    assert {name for placed in FIGURES_OF.values() for name in placed} == names
    assert {name.split("_")[0] for name in names} == set(CAPTIONS)


def test_the_report_is_one_file_with_every_answer(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert not re.search(r"https?://|@import|url\(|<script", text)
    assert text.count("data:image/png") == len(figures_of(load_results(folder), folder))
    shown = text.replace("&#x27;", "'").replace("&gt;", ">")
    for answer in findings(load_results(folder)):
        assert all(sentence in shown for sentence in (answer.short, *answer.details))
    assert "pyvae study biased-sprites --preset quick" in text and not re.search(
        r"[{}]\w+[{}]", shown.split("</style>")[1]
    )
    assert "t intervals" in text and "skew 6, weighted" in text


def test_the_summary_has_every_answer(folder: Path) -> None:
    text = (folder / "findings.md").read_text()
    assert all(answer.short in text for answer in findings(load_results(folder)))


def test_one_seed_has_no_intervals_in_captions_and_tables(tmp_path: Path) -> None:
    synthetic.write_folder(tmp_path, synthetic.results(synthetic.small_config(seeds=(0,), strengths=(1.0,))))
    (tmp_path / "figures").mkdir()
    for name in figures_of(load_results(tmp_path), tmp_path):
        (tmp_path / "figures" / f"{name}.png").write_bytes(b"a picture")
    captions = "".join(re.findall(r"<figcaption>(.*?)</figcaption>", write_report(tmp_path).read_text()))
    assert captions and "interval" not in captions and "seeds" not in captions


def test_missing_files_are_named(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"folder must hold a finished study, but .* has no config\.json"):
        load_results(tmp_path)
    synthetic.write_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"has no figures/map_beta-vae_skew\.png"):
        write_report(tmp_path)
