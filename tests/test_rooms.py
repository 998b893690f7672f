"""The house rules of docs/architecture.md for the package's Python, read off the tree."""

import ast
import importlib
from pathlib import Path

import pytest

from pyvae import data, losses, metrics, pictures, studies

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pyvae"
FILES = sorted(PACKAGE.rglob("*.py"))

# What each room may import beside itself and the rooms below it: a room may import those of a lower level only.
LEVELS = {
    "errors": 0, "deprecated": 0, "ops": 0, "files": 0, "progress": 0, "quantiles": 0, "settings": 0,
    "bank": 1, "info": 1, "nn": 1, "data": 1, "aggregate": 1, "plotting": 1, "posterior": 1,
    "metrics": 2, "losses": 2, "report": 2,
    "training": 3, "pictures": 3,
    "studies": 4, "bench": 4,
    "pages": 5,
    "sweeps": 6,
    "cli": 7,
}  # fmt: skip
LISTED = {
    # room: (its list, files that are no member of it)
    "losses": (losses, {"__init__", "deprecated"}),
    "data": (data, {"__init__", "deprecated", "arguments", "elementwise"}),
    "metrics": (metrics, {"__init__", "deprecated"}),
    "pictures": (pictures, {"__init__"}),
}


def imported(path: Path) -> list[str]:
    """Every module of pyvae that a file imports, as a dotted name."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.startswith("pyvae.")]


def room(dotted_or_path: str | Path) -> str:
    if isinstance(dotted_or_path, Path):
        return dotted_or_path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return dotted_or_path.split(".")[1]


def test_every_room_has_its_level() -> None:
    rooms = {room(path) for path in FILES} - {"__init__", "__main__", "_library"}
    assert rooms == set(LEVELS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_import_from_below(path: Path) -> None:
    mine = room(path)
    for name in imported(path) if mine in LEVELS else []:
        theirs = room(name)
        if theirs in LEVELS and theirs != mine:
            assert LEVELS[theirs] < LEVELS[mine], f"{path} imports {name}"


def test_the_engine_knows_no_study_data_set_or_objective_by_name() -> None:
    known = {*losses.OBJECTIVES.values(), *(thing for thing in vars(data).values() if isinstance(thing, type))}
    names = {thing.__name__ for thing in known} - {"DataSet", "Draw", "Factor", "Objective"}
    assert {"BetaVAE", "BetaTCVAE", "BlockGrid", "Sprites"} <= names
    for path in sorted((PACKAGE / "training").rglob("*.py")):
        tree = ast.parse(path.read_text())
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        used |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert not used & names, f"{path} names {used & names}"
        assert not [name for name in imported(path) if room(name) == "studies"], path


def test_nothing_imports_a_study_but_its_own_folder() -> None:
    folders = {name.replace("-", "_") for name in studies.NAMES}
    for path in FILES:
        parts = path.relative_to(PACKAGE).parts
        for name in imported(path):
            words = name.split(".")
            if words[1] == "studies" and len(words) > 2 and words[2] in folders:
                assert parts[:2] == ("studies", words[2]), f"{path} imports {name}"


def test_every_folder_of_studies_is_a_study_and_is_listed() -> None:
    folders = {path.parent.name.replace("_", "-") for path in (PACKAGE / "studies").glob("*/__init__.py")}
    assert folders == set(studies.NAMES)
    for name in studies.NAMES:
        study = studies.study_named(name)
        assert study.name == study.config.STUDY == name and study.presets
        assert all(config.preset == preset for preset, config in study.presets.items())
        config = study.preset(study.default_preset)
        assert len(config.specs()) == sum(len(part.specs()) for part in config.parts().values())  # no name twice


@pytest.mark.parametrize("name", LISTED)
def test_every_file_is_in_its_list_and_has_a_test_of_its_stem(name: str) -> None:
    package, others = LISTED[name]
    stems = {path.stem for path in (PACKAGE / name).glob("*.py")} - others
    offered = {
        getattr(package, public).__module__
        for public in package.__all__
        if hasattr(getattr(package, public), "__module__")
    }
    for stem in stems:
        assert f"pyvae.{name}.{stem}" in offered, f"pyvae/{name}/{stem}.py is not in {name}.__all__"
        assert (ROOT / "tests" / name / f"test_{stem}.py").is_file(), f"pyvae/{name}/{stem}.py has no test of its stem"


def test_every_objective_is_listed_by_its_name() -> None:
    defined = set()
    for path in (PACKAGE / "losses").glob("*.py"):
        if path.stem not in ("__init__", "deprecated", "objective"):
            module = importlib.import_module(f"pyvae.losses.{path.stem}")
            own = [thing for thing in vars(module).values() if getattr(thing, "__module__", "") == module.__name__]
            defined |= {thing for thing in own if isinstance(thing, type) and issubclass(thing, losses.Objective)}
    assert defined == set(losses.OBJECTIVES.values())
    assert all(name == objective.name() for name, objective in losses.OBJECTIVES.items())


def test_every_file_of_metrics_is_a_score_that_evaluate_measures() -> None:
    """Each has a function of its stem that takes one model's codes; what scores are made of lies in estimators."""
    others = {"__init__", "deprecated", "codes", "factors", "measured", "evaluate"}
    of_many_models = {"udr"}
    stems = {path.stem for path in (PACKAGE / "metrics").glob("*.py")}
    assert stems - others - of_many_models == set(metrics.METRICS)
    for name, metric in metrics.METRICS.items():
        assert metric.name == name and metric.function is getattr(metrics, name)
        assert metric.function.__module__ == f"pyvae.metrics.{name}"
