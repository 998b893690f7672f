"""What the README shows works as written, and what it links is there."""

import doctest
import importlib
import json
import re
from pathlib import Path

import pytest
import torch

import pyvae

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "docs/benchmarks.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_python_examples_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # where they may leave files
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        exec(compile(block, str(page), "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), target


PUBLIC_OPS = [name for name in pyvae.ops.__all__ if (ROOT / f"pyvae/ops/{name}.py").is_file()]


@pytest.mark.parametrize("name", PUBLIC_OPS)
def test_docstring_examples_give_what_they_show(name: str) -> None:
    module = importlib.import_module(f"pyvae.ops.{name}")
    function = getattr(module, name)
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    (test,) = doctest.DocTestFinder(recurse=False).find(function, name, globs={**vars(module), "torch": torch})
    assert test.examples
    result.run(test)
    assert result.failures == 0


def test_the_training_table_is_the_committed_benchmark() -> None:
    page = BENCHMARKS.read_text()
    (target,) = re.findall(r"\[stacked\.json\]\(([^)]+)\)", page)
    rows = json.loads((BENCHMARKS.parent / target).read_text())["rows"]
    shown = [float(number) for number in re.findall(r"^\|[^|]+\| (\d\.\d{3}) \|$", page, re.MULTILINE)]
    assert shown == [round(row["ms_per_model_step"], 3) for row in rows]


def linked(name: str, part: str = "rows") -> dict:
    """A part of the committed result that the page links by this name."""
    (target,) = re.findall(rf"\[{name}\]\(([^)]+)\)", BENCHMARKS.read_text())
    return json.loads((BENCHMARKS.parent / target).read_text())[part]


def test_the_table_beside_the_earlier_build_is_the_committed_one() -> None:
    shown = re.findall(r"^\|[^|]+\| (\d\.\d\d) \| (\d\.\d\d) \| (\d\.\d\d) \|$", BENCHMARKS.read_text(), re.MULTILINE)
    rows = [(*row["ms_per_model_step"].values(), row["this_over_other"]) for row in linked("beside.json").values()]
    assert shown == [tuple(f"{value:.2f}" for value in row) for row in rows]


def test_the_table_of_small_batches_is_the_committed_one() -> None:
    page, _, section = BENCHMARKS.read_text().partition("\n### Small batches\n")
    for row in linked("small_batches.json"):
        times = f"{row['microseconds']['pyvae']:.0f} | {row['over eager torch']:.2f} | {row['over torch.compile']:.2f}"
        assert f"| `{row['op']}` | {row['rows']} × {row['latents']} | {times} |" in section
    assert page


def test_the_table_of_two_builds_of_the_ops_is_the_committed_one() -> None:
    _, _, section = BENCHMARKS.read_text().partition("\n### Two builds of the ops\n")
    for name, row in linked("ops_beside.json").items():
        times = " | ".join(f"{s * 1e6:.0f} µs" if s < 1e-3 else f"{s * 1e3:.1f} ms" for s in row["seconds"].values())
        assert f"| {name} | {times} | {row['this_over_other']:.2f} |" in section


def test_the_table_of_products_is_the_committed_one() -> None:
    _, _, section = BENCHMARKS.read_text().partition("\n### Products of stacked layers\n")
    for row in (row for row in linked("products.json") if row["threads"] == 1):
        shares = " | ".join(f"{100 * share:.0f} %" for share in row["share_of_ceiling"].values())
        assert f"| {row['inputs']} × {row['outputs']} | {row['product']} | {shares} |" in section


def test_the_table_of_convolutions_is_the_committed_one() -> None:
    _, _, section = BENCHMARKS.read_text().partition("\n### Stacked convolutions\n")
    for row in linked("convolutions.json"):
        shown = f"{row['ms']:.0f} | {row['plain_over_this']:.2f} | {100 * row['share_of_ceiling']:.0f} %"
        assert f"| {row['what']} | {row['threads']} | {shown} |" in section


def test_the_table_of_groups_is_the_committed_one() -> None:
    _, _, section = BENCHMARKS.read_text().partition("\n### Every case in two builds\n")
    for name, group in linked("groups_beside.json", "groups").items():
        assert f"| {name} | {group['geometric_mean']:.2f} | {group['largest']:.2f} |" in section


def test_the_table_of_objectives_is_the_committed_one() -> None:
    _, _, section = BENCHMARKS.read_text().partition("\n### Objectives\n")
    for row in linked("objectives.json"):
        shown = f"{row['ms_per_model_step']:.2f} | {row['over_beta_vae']:.2f}"
        assert f"| {row['objective']} | {row['way']} | {shown} |" in section


def test_the_table_of_discrepancies_is_the_committed_one() -> None:
    _, _, section = BENCHMARKS.read_text().partition("\n### Maximum mean discrepancy\n")
    for row in linked("mmd.json"):
        own, other = row["milliseconds"].values()
        what = f"{row['points']} | {row['kernel']} | {row['scales']} | {row['threads']}"
        found = f"{own:.2f} | {other:.0f} | {row['torch.cdist over pyvae']:.0f} | {100 * row['share_of_ceiling']:.0f} %"
        assert f"| {what} | {found} |" in section
    for row in linked("mmd.json", "memory"):
        assert f"{row['mebibytes']:.0f} MiB ({row['kernel']}, {row['seconds']:.0f} s)" in section


def test_the_benchmark_rows_are_the_committed_ones() -> None:
    _, _, section = BENCHMARKS.read_text().partition("\n## Results\n")
    section = section.partition("\n### Stacked models\n")[0]
    (target,) = re.findall(r"\[results\.md\]\(([^)]+)\)", section)
    measured = (BENCHMARKS.parent / target).read_text().splitlines()
    shown = [line for line in section.splitlines() if line.startswith("|")]
    assert len(shown) > 8
    assert not [row for row in shown if row not in measured]


def test_the_figures_of_the_readme_are_rows_of_the_benchmark() -> None:
    """Each bold line's numbers stand in one row of the page of benchmarks, times and memory."""
    readme, rows = (
        (ROOT / "README.md").read_text(),
        [r.replace("\N{NO-BREAK SPACE}", " ") for r in BENCHMARKS.read_text().splitlines()],
    )
    time = next(row for row in rows if row.startswith("| 4096 x 10 | forward + backward |"))
    memory = next(row for row in rows if row.startswith("| 4096 x 10 | forward + backward |") and "MiB" in row)
    large = [row for row in rows if row.startswith("| 65536 x 10 | forward + backward |")]
    assert "(268x)" in time and "(25x)" in time and "31.5 ms" in time
    assert "14 MiB | 3.8 GiB" in memory
    assert any("| 1.96 s |" in row for row in large) and any("| 52 MiB |" in row for row in large)
    for words in (
        "268 times as fast",
        "25 times as fast",
        "31.5 ms",
        "14 MiB in place of 3.8 GiB",
        "1.96 s and 52 MiB",
    ):
        assert words in readme


def test_the_sharp_corner_of_the_readme_is_the_committed_result() -> None:
    readme = (ROOT / "README.md").read_text()
    (target,) = re.findall(r"^\[code\]: (\S+)$", readme, re.MULTILINE)
    held = json.loads((ROOT / target).read_text())
    rows = {row["estimator"]: row for row in held["rows"] if row["M"] == 64}
    shown = {"mss": "\N{MINUS SIGN}3.6", "mws": "+126.6", "column 0": "+4.85"}
    for name, text in shown.items():
        value = float(text.replace("\N{MINUS SIGN}", "-"))
        digits = len(text.partition(".")[2])
        assert round(rows[name]["total_correlation"], digits) == value and text in readme


def test_the_readme_is_short() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 120 and max(map(len, lines)) <= 120


def test_gpu_figures_wait_for_a_run_of_make_gpu() -> None:
    """README and changelog say that no GPU was measured until a results folder of `make gpu` holds a bar's figure."""
    measured = False
    for path in (ROOT / "benchmarks/results").glob("*/results.json"):
        held = json.loads(path.read_text())
        measured |= any(bar["state"] in ("met", "missed") for bar in held.get("bars", []))
    for page in (ROOT / "README.md", ROOT / "CHANGELOG.md"):
        text = page.read_text()
        assert ("not yet measured on a GPU" in text) != measured, page.name
        assert measured or not re.search(r"\b([AHBLVT]\d{2,3}|RTX ?\d{4})\b", text), page.name  # a GPU by its name


def test_the_costs_of_the_aggregate_posterior_are_the_committed_ones() -> None:
    page = ROOT / "docs/aggregate-posterior.md"
    (target,) = re.findall(r"\[aggregate\.json\]\(([^)]+)\)", page.read_text())
    seconds = json.loads((page.parent / target).read_text())["seconds"]
    shown = re.findall(r"^\| ([\w -]+) \| (\d+\.\d\d) \| (\d+\.\d\d) \|$", page.read_text(), re.MULTILINE)
    expected = [
        (name, *(f"{seconds[order][name]['fastest']:.2f}" for order in ("ordered", "shuffled")))
        for name in seconds["ordered"]
    ]
    assert shown == expected


def test_the_table_of_known_codes_is_the_committed_one() -> None:
    page = ROOT / "docs/metrics.md"
    (target,) = re.findall(r"\[known_codes\.json\]\(([^)]+)\)", page.read_text())
    codes = json.loads((page.parent / target).read_text())["codes"]
    papers = {name: [row for row in rows if row["protocol"] == "paper"] for name, rows in codes.items()}
    together = [sum({row["metric"].split("_")[0]: row["seconds"] for row in rows}.values()) for rows in papers.values()]
    assert f"take {min(together):.1f} to {max(together):.1f} s a code" in page.read_text()
    (head,) = re.findall(r"^\| score \| ceiling[^|]* \| (.*) \|$", page.read_text(), re.MULTILINE)
    columns = [{row["metric"]: row for row in papers[name]} for name in head.split(" | ")]
    for metric, row in columns[0].items():
        numbers = [row["ceiling"], *(column[metric]["value"] if metric in column else None for column in columns)]
        shown = " | ".join("-" if number is None else f"{number:.2f}" for number in numbers)
        assert f"| `{metric}` | {shown} |" in page.read_text()


def test_the_figures_of_dcis_probes_are_the_committed_ones() -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    (target,) = re.findall(r"\[probes\.json\]\(([^)]+)\)", page)
    found = json.loads((ROOT / "docs" / target).read_text())
    ranks, (fast, boosted) = found["ranks"], found["time"]["seconds"].values()
    words = " ".join(page.split())
    of = [f"{ranks[name]['rank_correlation']:.3f} for {name}" for name in ("disentanglement", "completeness")]
    assert f"the rank correlation is {of[0]} and {of[1]}" in words
    assert f"it takes {fast:.2f} s, and boosting {boosted:.0f} s" in words
    largest = max(ranks[name]["largest_difference"] for name in ("disentanglement", "completeness"))
    assert f"by up to {largest:.2f}" in words


def test_the_table_of_intervals_is_the_committed_one() -> None:
    page = ROOT / "docs/metrics.md"
    (target,) = re.findall(r"\[coverage\.json\]\(([^)]+)\)", page.read_text())
    held = json.loads((page.parent / target).read_text())
    shown = re.findall(r"^\| `(\w+)`( of posteriors)?((?: \| \d\.\d+){4}) \|$", page.read_text(), re.MULTILINE)
    expected = [
        (name, "".join(f" | {of[name]['covered']:.3f} | {of[name]['width']:.2f}" for of in (chosen_by, held_out)))
        for chosen_by, held_out in [(held["chosen by"], held["held out"])]
        for name in chosen_by
    ]
    assert [(name + kind, numbers) for name, kind, numbers in shown] == expected
    assert held["seeds"] == 200 and len(expected) > 20


def test_the_speed_of_sprites_is_the_committed_one() -> None:
    page = ROOT / "docs/data.md"
    section = page.read_text().partition("\n### How fast\n")[2].partition("\n## ")[0]
    (target,) = re.findall(r"\[sprites\.json\]\(([^)]+)\)", section)
    held = json.loads((page.parent / target).read_text())
    shown = [line for line in section.splitlines() if re.match(r"\|.*\d", line)]
    speeds = [
        f"| {row['way']} | {row['images_per_second']:.0f} | {row.get('over idsprites without a mark', 0):.1f} |"
        for row in held["images"]
        if row["way"] != "floor"
    ]
    shares = [
        f"| {row['side']} | {' | '.join(f'{100 * share:.1f} %' for share in row['share_of_time'].values())} |"
        for row in held["training"]
    ]
    assert [row.replace("| \N{EN DASH} |", "| 0.0 |") for row in shown] == speeds + shares


def test_the_figures_of_sweeps_are_the_committed_ones() -> None:
    page = BENCHMARKS.read_text()
    ratio, steps = linked(r"throughput\.json", "ratio"), linked(r"throughput\.json", "steps")
    assert f"{ratio:.2f} ×" in page and linked(r"throughput\.json", "same results") is True
    alone = linked(r"throughput\.json", "seconds of a cell alone")
    stacked = sum(linked(r"throughput\.json", "stacked")["seconds"].values()) / 64
    told = (f"takes {alone:.1f} s", f"of it {1e3 * alone / steps:.2f} ms", f"takes {1e3 * stacked / steps:.2f} ms")
    assert all(one in page for one in told)
    seconds = linked(r"many_cells\.json", "seconds")
    assert f"takes {seconds['import torch']} s" in page
    assert f"| {seconds['results']} s |" in page and f"| {seconds['resume']} s |" in page
    share = linked(r"coordinator\.json", "share of cells of a second")
    assert f"| {100 * share:.1f} % |" in page
