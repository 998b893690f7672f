"""What models there are, which have no score, and what the numbers cannot carry."""

import numpy as np

from pyvae.report.answer import Answer, listed
from pyvae.studies.agreement.config import AgreementConfig
from pyvae.studies.agreement.findings.words import counted
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import LABELS, OBJECTIVES


def about_models(results: Results) -> Answer:
    """How many have collapsed, diverged, been refused."""
    count, collapsed = len(results.table), int(results.collapsed.sum())
    lost = int((~results.finite).sum())
    diverged = f"{counted(lost, 'has', 'have')} diverged" if lost else "none has diverged"
    refused = _refused(results)
    total = sum(refused.values())
    short = (
        f"Of {count} models {counted(collapsed, 'has', 'have')} collapsed (no active latent) and {diverged}; "
        f"{counted(total, 'score was', 'scores were')} refused."
    )
    details = [_span(results, i) for i in range(len(results.groups))]
    if refused:
        details.append("Refused: " + listed([f"{name} {times} times" for name, times in refused.items()]) + ".")
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
    held, active = results.column("aggregate_information"), results.column("active_latents")
    ends = [
        (float(np.nanmedian(held[at])), float(np.nanmedian(active[at])))
        for at in (rows & (results.column("strength") == end) for end in (strengths[0], strengths[-1]))
    ]
    (first, used), (last, left) = ends
    return (
        f"{label}, strengths {listed([f'{s:g}' for s in strengths])}: from {first:.1f} nats in {used:g} active latents "
        f"at the smallest to {last:.1f} nats in {left:g} at the largest; {int(results.collapsed[rows].sum())} of "
        f"{int(rows.sum())} models collapsed."
    )


def about_limits(results: Results) -> Answer:
    """What the numbers cannot carry."""
    config, seeds = results.config, results.seeds
    short = (
        f"These are {counted(seeds, 'seed', 'seeds')} of small MLPs after {config.training.steps} steps on one data "
        f"set, {_data(config)}: what other data, longer training or larger models do, they do not say."
    )
    details = [
        "Intervals of correlations are over the models of this study; strengths and objectives are chosen, not drawn, "
        "and another choice of strengths gives other correlations.",
        "A correlation over models of different strengths says that both scores answer to the strength; only those "
        "among models of one objective and strength say more, and they need several seeds.",
        "Downstream accuracy is that of a logistic regression on posterior means for the very factors that the scores "
        "know.",
        "All scores see the same images, so that errors of one sample of images are common to them.",
    ]
    if seeds == 1:
        details.insert(0, "One seed gives readings: nothing here says what another seed would.")
    return Answer("limits", "What can these numbers not tell?", short, tuple(details))


def _data(config: AgreementConfig) -> str:
    side = config.data.side
    return f"sprites of {side}×{side} pixels" if config.data.data == "sprites" else config.data.data
