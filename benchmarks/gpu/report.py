"""results.json and results.md from what the steps left behind; imports no pyvae, which may not have been built."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.gpu.steps import Outcome

Report = dict[str, Any]
NOT_MEASURED = "not measured"


def gather(out: Path, outcomes: Sequence[Outcome]) -> Report:
    """Everything the steps wrote; what a step did not write is empty."""
    facts, ops, training = (_load(out / f"{name}.json") for name in ("facts", "ops", "training"))
    return {
        "machine": facts.get("machine", {}),
        "steps": [asdict(outcome) for outcome in outcomes],
        "bars": ops.get("bars", []) + training.get("bars", []),
        "ceilings": ops.get("ceilings", {}),
        "ops": ops.get("rows", []),
        "left out": ops.get("left out", []),
        "training": training.get("rows", []),
    }


def folder_name(out: Path) -> str:
    """That of the results' folder, the GPU's name; empty where no step found it."""
    name: str = _load(out / "facts.json").get("folder", "")
    return name


def write(report: Report, folder: Path) -> None:
    """Both files, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("results.json", json.dumps(report, indent=1) + "\n"), ("results.md", markdown(report))):
        temporary = folder / f".{name}.new"
        temporary.write_text(text)
        os.replace(temporary, folder / name)


def markdown(report: Report) -> str:
    """The page: machine, bars, steps, ceilings, ops, training."""
    machine = "\n".join(f"- {label}: {value}" for label, value in report["machine"].items())
    ceilings = "\n".join(f"- {name.replace('_', ' ')}: {rate:.4g}" for name, rate in report["ceilings"].items())
    tables = (
        ("Bars", ["bar", "asked", "", "measured"], [list(bar.values()) for bar in report["bars"]]),
        ("Steps", ["step", "", "seconds", "note"], [_step(step) for step in report["steps"]]),
        (
            "Ops",
            ["op", "provider", "median", "times pyvae's", "peak MiB", "of the tighter ceiling"],
            list(_ops(report)),
        ),
        ("Training steps", ["M", "loss by", "step", "loss alone", "share of the loss"], list(_training(report))),
    )
    parts = ["# Measured by `make gpu`", machine, "Medians; on a GPU by CUDA events (docs/gpu.md)."]
    parts += [f"## {title}\n\n{_table(header, rows)}" for title, header, rows in tables[:2]]
    parts += [f"## Ceilings, measured in the same run\n\n{ceilings or NOT_MEASURED}"]
    parts += [f"## {title}\n\n{_table(header, rows)}" for title, header, rows in tables[2:]]
    if report["left out"]:
        parts.append("No time was left for: " + "; ".join(report["left out"]) + ".")
    return "\n\n".join(part for part in parts if part) + "\n"


def _load(path: Path) -> Report:
    return json.loads(path.read_text()) if path.is_file() else {}


def _table(header: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return NOT_MEASURED
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *rows))


def _step(step: dict[str, Any]) -> list[str]:
    return [step["name"], step["state"], f"{step['seconds']:.0f}", step["note"].replace("|", "/")]


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.4g} ms"


def _ops(report: Report) -> Iterator[list[str]]:
    for row in report["ops"]:
        case = row["case"]
        label = f"{case['op']} {case['rows']} x {case['latents']} {case['direction']}"
        ours = row["timings"].get("pyvae", {}).get("median")
        for name, timing in row["timings"].items():
            times = "" if name == "pyvae" or not ours else f"{timing['median'] / ours:.3g}"
            peak = row["peak_bytes"].get(name)
            share = f"{row['share']:.1%} of {row['ceiling']}" if name == "pyvae" and row["share"] is not None else ""
            yield [label, name, _ms(timing["median"]), times, f"{peak / 2**20:.1f}" if peak is not None else "", share]
        for name, note in row["notes"].items():
            yield [label, name, NOT_MEASURED, "", "", note.replace("|", "/")]


def _training(report: Report) -> Iterator[list[str]]:
    for row in report["training"]:
        if row["seconds"] is None:
            yield [str(row["rows"]), row["provider"], NOT_MEASURED, "", row["note"].replace("|", "/")]
        else:
            share = f"{row['loss_seconds'] / row['seconds']:.1%}"
            yield [str(row["rows"]), row["provider"], _ms(row["seconds"]), _ms(row["loss_seconds"]), share]
