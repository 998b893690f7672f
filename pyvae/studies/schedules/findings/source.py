"""How the numbers stand beside those read off the source's plots, and why they need not agree."""

import itertools

from pyvae.losses import normalised_beta
from pyvae.report.answer import Answer, listed
from pyvae.report.statistics import t_interval
from pyvae.studies.schedules.findings.words import cited, mean, named, no_verdict
from pyvae.studies.schedules.results import Results
from pyvae.studies.schedules.runs import SOURCE_NUMBERS, SOURCE_STEPS

QUESTION = "How do the numbers stand beside those of the source?"
SOURCE_LATENTS = 32


def about_the_source(results: Results) -> Answer:
    """What is different, whether the runs stand in the same order, then run after run."""
    short = " ".join(filter(None, (_differences(results), _order(results))))
    return Answer("source", QUESTION, short, (*_side_by_side(results), _scales(results)))


def _differences(results: Results) -> str:
    """What is not the source's, of images, network, steps and β."""
    config = results.config
    found = []
    if config.data.data != "celeba":
        found.append(f"{config.data.data} instead of CelebA")
    if results.numbers != SOURCE_NUMBERS:
        found.append(f"{results.numbers} numbers an image instead of {SOURCE_NUMBERS}")
    if config.model.network != "conv":
        found.append("an MLP instead of convolutions")
    if config.model.latents != SOURCE_LATENTS:
        found.append(f"{config.model.latents} latents instead of {SOURCE_LATENTS}")
    if config.training.steps != SOURCE_STEPS:
        found.append(f"{config.training.steps} steps instead of {SOURCE_STEPS}")
    if config.axes.scale != 1:
        found.append(f"every β times {config.axes.scale:.3g}")
    if not found:
        return f"Images, kind of network, latents and {SOURCE_STEPS} steps are those of the source, which has one seed."
    return f"They are no replication: {listed(found)}."


def _order(results: Results) -> str:
    """Whether runs stand in the same order by their mean KL as the source's do; empty where no two can be compared."""
    means = [(t_interval(results.values(arm, "kl_nats")), arm.read) for arm in results.arms]
    pairs = [
        (own.mean - other.mean) * (read.kl - other_read.kl)
        for (own, read), (other, other_read) in itertools.combinations(means, 2)
        if read is not None and other_read is not None and own.seeds and other.seeds and read.kl != other_read.kl
    ]
    if not pairs:
        return ""
    same = sum(product > 0 for product in pairs)
    several = f"means over those of {named(results.seeds)} that gave numbers"
    seeds = several if len(results.seeds) > 1 else f"{named(results.seeds)}, a reading"
    return (
        "What can be compared is the order of the runs: of "
        f"{len(pairs)} pairs whose KL differs in the source's plots, {same} stand in the same order here ({seeds})."
    )


def _side_by_side(results: Results) -> list[str]:
    details = []
    for arm in results.arms:
        if arm.read is None:
            continue
        used = results.known(arm)
        if not used.any():
            details.append(no_verdict(results, arm))
            continue
        kl, std = mean(results.values(arm, "kl_nats"), 1), mean(results.values(arm, "posterior_std"), 2)
        own = cited(f"KL {kl} nats and mean posterior deviation {std}", results, used)
        details.append(f"{arm.name}: {own}; the source's plots show {arm.read.kl:g} and {arm.read.std:g} (one seed).")
    return details


def _scales(results: Results) -> str:
    numbers, latents, beta = results.numbers, results.config.model.latents, results.config.axes.scale
    own = normalised_beta(beta, latents=latents, inputs=numbers)
    theirs = normalised_beta(1.0, latents=SOURCE_LATENTS, inputs=SOURCE_NUMBERS)
    return (
        "The error that β weighs against is a sum over an image's numbers: β × latents / numbers is "
        f"{own:.3g} here ({beta:.3g} × {latents} / {numbers}), where the source has {theirs:.3g} (1 × {SOURCE_LATENTS} "
        f"/ {SOURCE_NUMBERS})."
    )
