"""What models there are, which have no score, and what the numbers cannot carry."""

import numpy as np
from numpy.typing import NDArray

from pyvae.report.answer import Answer, counted, listed
from pyvae.studies.agreement.config import AgreementConfig
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import CELLS, LABELS, OBJECTIVES
from pyvae.studies.scores import told_share


def about_models(results: Results) -> Answer:
    """How many have collapsed, diverged, been refused."""
    count, collapsed = len(results.table), int(results.collapsed.sum())
    lost = int((~results.finite).sum())
    diverged = f"{counted(lost, 'has', 'have')} diverged" if lost else "none has diverged"
    refused = _refused(results)
    total = sum(refused.values())
    short = (
        f"Of {counted(count, 'model', 'models')} {counted(collapsed, 'has', 'have')} collapsed (no active latent) and "
        f"{diverged}; {counted(total, 'score was', 'scores were')} refused."
    )
    details = [_span(results, i) for i in range(len(results.groups))]
    if refused:
        details.append(
            "Refused: " + listed([f"{name} {counted(times, 'time', 'times')}" for name, times in refused.items()]) + "."
        )
    return Answer("models", "Which models are these, and which have no score?", short, tuple(details))


def _refused(results: Results) -> dict[str, int]:
    """How many models each score refused, of those that have not diverged."""
    finite = {
        (row["objective"], row["strength"], row["seed"]): row["finite"]
        for row in results.table.select(["objective", "strength", "seed", "finite"]).to_pylist()
    }
    found: dict[str, int] = {}
    for row in results.scores.filter(results.scores["reason"].is_valid()).to_pylist():
        if finite[row["objective"], row["strength"], row["seed"]]:
            label = LABELS.get(row["metric"], row["metric"])
            found[label] = found.get(label, 0) + 1
    return found


def _span(results: Results, group: int) -> str:
    rows = (results.objective == group) & results.finite
    label = OBJECTIVES[results.groups[group]]
    if not rows.any():
        return f"{label}: every model has diverged."
    strengths = np.unique(results.column("strength")[rows])
    first, *_, last = [_held(results, rows & (results.column("strength") == end)) for end in strengths[[0, -1]]]
    held = first if len(strengths) == 1 else f"from {first} at the smallest to {last} at the largest"
    word = "strength" if len(strengths) == 1 else "strengths"
    return (
        f"{label}, {word} {listed([f'{s:g}' for s in strengths])}: {held}; {int(results.collapsed[rows].sum())} of "
        f"{counted(int(rows.sum()), 'model', 'models')} collapsed."
    )


def _held(results: Results, rows: NDArray[np.bool_]) -> str:
    """What codes hold in the median of these models [N], as far as they were measured."""
    held, active = (results.column(name)[rows] for name in ("aggregate_information", "active_latents"))
    nats = "nats unknown" if np.isnan(held).all() else f"{np.nanmedian(held):.1f} nats"
    latents = "unknown" if np.isnan(active).all() else f"{np.nanmedian(active):g}"
    return f"{nats} in {latents} active latents"


def about_limits(results: Results) -> Answer:
    """What the numbers cannot carry."""
    config, seeds = results.config, results.seeds
    short = (
        f"These are {counted(seeds, 'seed', 'seeds')} of small MLPs after {config.training.steps} steps on one data "
        f"set, {_data(config)}: what other data, longer training or larger models do, they do not say."
    )
    details = [
        f"Intervals of correlations are over {CELLS[config.several_seeds]}, of this study; strengths and objectives "
        "are chosen, not drawn, and another choice of strengths gives other correlations.",
        "A correlation over models of different strengths may say no more than that both scores answer to the "
        "strength; those among models of one objective and strength say more, and they need several seeds.",
        "Downstream accuracy is that of a logistic regression on posterior means for the very factors that the scores "
        "know.",
        "All scores see the same images, so that errors of one sample of images are common to them.",
        *([share] if (share := told_share(results.scores)) else []),
    ]
    if config.several_seeds:
        details.insert(
            1,
            f"Models of one objective and strength are alike, so that {seeds} of a cell are not {seeds} independent "
            "models. What is called clear is so for all that a sentence speaks of together, by Holm (1979) at 5 %; "
            "that something is not clear does not show that it is not there.",
        )
    else:
        details.insert(0, "One seed gives readings: nothing here says what another seed would.")
    return Answer("limits", "What can these numbers not tell?", short, tuple(details))


def _data(config: AgreementConfig) -> str:
    side = config.data.side
    return f"sprites of {side}×{side} pixels" if config.data.data == "sprites" else config.data.data
