"""What a schedules study found, in words: every sentence is computed from its results."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyvae.losses import normalised_beta
from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer
from pyvae.report.statistics import Interval, t_interval
from pyvae.studies.schedules.results import Arm, Array, Results
from pyvae.studies.schedules.runs import ANNEALED, CONSTANT, FROM_100, FROM_10000, RUNS, SOURCE_NUMBERS

IN_USE_NATS = 0.1
"""Of KL, by which a model is told to be in use while it is trained: curves have no information of a latent."""
HIGH = 2.0
"""Times the β at which linear theory has the first latent collapse: beyond it a model has had every reason to."""


class Revival(NamedTuple):
    """What a model did while its β fell."""

    collapsed_at: float
    """The last β, still high, at which its KL was below IN_USE_NATS; NaN where it never was."""
    revived_at: float
    """β at the point after which its KL stayed above; NaN where it did not."""


def findings(results: Results) -> list[Answer]:
    """The study's answers, most important first; only one where every model has diverged."""
    if not results.table["finite"].to_numpy(zero_copy_only=False).any():
        verdict = "There is no answer: every model has diverged. A smaller learning_rate may help."
        return [Answer("divergence", "What can be learned from this study?", verdict, ())]
    return [
        about_recovery(results),
        about_revival(results),
        about_annealing(results),
        about_collapse(results),
        about_the_source(results),
        about_limits(results),
    ]


def about_recovery(results: Results) -> Answer:
    """Whether a β that falls ends where the constant one does."""
    question = "Does a β that falls from far above end where a constant β ends?"
    constant = results.arm(CONSTANT, 1.0)
    fallen = [arm for arm in (results.arm(FROM_100, 1.0), results.arm(FROM_10000, 1.0)) if arm is not None]
    if constant is None:
        return Answer("recovery", question, "This run has no constant β to compare with: betas lacks 1.", ())
    shares = [_ratio(results, arm, constant) for arm in fallen]
    parts = [f"{arm.name} ends with {share:.0%}" for arm, share in zip(fallen, shares, strict=True)]
    base = results.values(constant, "kl_nats")
    short = (
        f"{' and '.join(parts)} of the KL that {constant.name} has, {_mean(base, 1)} nats"
        f"{_of_seeds(results)}. {_recovery_verdict(results, fallen, constant)}"
    )
    details = [_difference_sentence(results, arm, constant) for arm in fallen]
    return Answer("recovery", question, short, tuple(details))


def _recovery_verdict(results: Results, fallen: list[Arm], constant: Arm) -> str:
    if len(results.seeds) == 1:
        return "One seed gives a reading, not a verdict."
    words = []
    for arm in fallen:
        gap = _difference(results, arm, constant, "kl_nats")
        if gap.below_zero:
            words.append(f"{arm.name} falls short of it")
        elif gap.above_zero:
            words.append(f"{arm.name} goes beyond it")
        else:
            words.append(f"{arm.name} does not differ from it by more than the seeds do")
    return f"Seed by seed {' and '.join(words)}."


def _difference_sentence(results: Results, arm: Arm, other: Arm) -> str:
    kl, std, error = (_difference(results, arm, other, c) for c in ("kl_nats", "posterior_std", "squared_error"))
    active = [_mean(results.values(one, "active"), 1) for one in (arm, other)]
    return (
        f"{arm.name} less {other.name}: KL {_signed(kl, 2)} nats, mean posterior deviation {_signed(std, 3)}, "
        f"squared error {_signed(error, 2)}; active latents {active[0]} against {active[1]} of "
        f"{results.config.model.latents}{_of_seeds(results)}."
    )


def about_revival(results: Results) -> Answer:
    """Whether models that have collapsed under a high β come back as it falls."""
    question = "Does a collapsed model recover when β falls?"
    first = float(results.collapse_betas[0])
    collapsed = revived = 0
    details: list[str] = []
    ratios: list[float] = []
    for arm in (results.arm(FROM_100, 1.0), results.arm(FROM_10000, 1.0)):
        assert arm is not None
        found = revivals(results, arm)
        dead = [one for one in found if not np.isnan(one.collapsed_at)]
        back = [one.revived_at for one in dead if not np.isnan(one.revived_at)]
        collapsed, revived = collapsed + len(dead), revived + len(back)
        ratios += [beta / first for beta in back]
        if back:
            details.append(
                f"{arm.name}: {len(dead)} of {len(found)} models had collapsed while β was high, and {len(back)} of "
                f"them came back, with a KL that stays above {IN_USE_NATS:g} nats from β = {_mean(np.array(back), 1)} "
                f"on{_of_seeds(results)}."
            )
        else:
            details.append(
                f"{arm.name}: {len(dead)} of {len(found)} models had collapsed while β was high; none came back."
            )
    details.append(
        f"Linear theory has the first latent come into use when β falls below 2λ_1 = {first:.1f}, twice the variance "
        "of the data's first principal component."
    )
    if not collapsed:
        short = f"There is nothing to recover from: no model's KL fell below {IN_USE_NATS:g} nats while β was high."
    elif not revived:
        short = f"No: none of the {collapsed} models that had collapsed came back before its training ended."
    else:
        whole = "Yes" if revived == collapsed else "Some do"
        short = (
            f"{whole}: {revived} of the {collapsed} models that had collapsed came back, when β had fallen to "
            f"{np.mean(ratios):.2f} times the β at which linear theory lets the first latent into use."
        )
    return Answer("revival", question, short, tuple(details))


def revivals(results: Results, arm: Arm) -> list[Revival]:
    """What every seed's model did while its β fell, from its training curve."""
    steps, kl = results.curve(arm, "kl")
    betas = results.betas_at(arm, steps)
    high = betas > HIGH * float(results.collapse_betas[0])
    return [_revival(betas, high, row) for row in kl]


def _revival(betas: Array, high: NDArray[np.bool_], kl: Array) -> Revival:
    low = np.flatnonzero(kl < IN_USE_NATS)  # NaN, of a model that has diverged, is neither low nor in use
    dead = low[high[low]]
    if not len(dead):
        return Revival(np.nan, np.nan)
    last = int(low[-1])
    lives_on = last + 1 < len(kl) and bool(np.isfinite(kl[last + 1 :]).all())
    return Revival(float(betas[dead[-1]]), float(betas[last + 1]) if lives_on else np.nan)


def about_annealing(results: Results) -> Answer:
    """Whether a β that rises from 0 ends where the constant one does."""
    question = "Does a β that rises from 0 end elsewhere than a constant β?"
    annealed, constant = results.arm(ANNEALED, 10.0), results.arm(CONSTANT, 10.0)
    assert annealed is not None
    if constant is None:
        return Answer("annealing", question, "This run has no constant β to compare with: betas lacks 10.", ())
    gap = _difference(results, annealed, constant, "kl_nats")
    kl = [_mean(results.values(one, "kl_nats"), 1) for one in (annealed, constant)]
    if not gap.known:
        verdict = "One seed gives a reading, not a verdict"
    elif gap.undecided:
        verdict = "Not by more than the seeds differ"
    else:
        verdict = (
            f"Yes, with {'more' if gap.above_zero else 'less'} KL in every comparison of seeds that the interval has"
        )
    short = (
        f"{verdict}: {annealed.name} ends with a KL of {kl[0]} nats, {constant.name} with {kl[1]}{_of_seeds(results)}."
    )
    return Answer("annealing", question, short, (_difference_sentence(results, annealed, constant),))


def about_collapse(results: Results) -> Answer:
    """Which constant βs leave no latent in use, and what linear theory says."""
    arms = [arm for arm in results.arms if arm.group == CONSTANT]
    dead = [arm for arm in arms if (results.values(arm, "active") == 0).all()]
    names = ", ".join(f"{arm.beta:g}" for arm in dead)
    seeds = f" in every one of {len(results.seeds)} seeds" if len(results.seeds) > 1 else " (one seed)"
    first = float(results.collapse_betas[0])
    expected = [arm for arm in arms if arm.beta >= first]
    right = sum((arm in dead) == (arm in expected) for arm in arms)
    leave = "leave" if len(dead) > 1 else "leaves"
    collapse = f"β = {names} {leave} no latent in use" if dead else "No constant β leaves every latent unused"
    short = (
        f"{collapse}{seeds}. Linear theory, β ≥ 2λ_1 = {first:.1f} for this data, says so rightly of {right} of "
        f"{len(arms)} constant βs."
    )
    details = [
        f"β = {arm.beta:g}: {_mean(results.values(arm, 'active'), 1)} latents in use{_of_seeds(results)}, of which "
        f"linear theory has {results.linear_active(arm.beta)} (variances of principal components above β/2)."
        for arm in arms
        if arm not in dead or arm not in expected
    ]
    return Answer("collapse", "Which constant βs collapse, and was it to be expected?", short, tuple(details))


def about_the_source(results: Results) -> Answer:
    """The values beside those read off the source's plots, and why they need not agree."""
    pairs = [(arm, arm.read) for arm in results.arms if arm.read is not None]
    details = [
        f"{arm.name}: KL {_mean(results.values(arm, 'kl_nats'), 1)} nats and mean posterior deviation "
        f"{_mean(results.values(arm, 'posterior_std'), 2)}{_of_seeds(results)}; the source's plots show "
        f"{read.kl:g} and {read.std:g} (one seed)."
        for arm, read in pairs
        if read is not None
    ]
    numbers, latents = results.numbers, results.config.model.latents
    own, theirs = (normalised_beta(1.0, latents=latents, inputs=n) for n in (numbers, SOURCE_NUMBERS))
    details.append(
        f"The error is a sum over an image's numbers, {numbers} here and {SOURCE_NUMBERS} in the source, so β weighs "
        f"against another error: β × latents / numbers is {own:.3g} for β = 1 here, {theirs:.3g} with {latents} "
        "latents there."
    )
    closest = _reads_alike(results)
    short = (
        "They are no replication: other images, of another size. "
        + (f"{closest} What can be compared is the order of the runs." if closest else "")
    ).strip()
    return Answer("source", "How do the numbers stand beside those of the source?", short, tuple(details))


def _reads_alike(results: Results) -> str:
    """Whether runs stand in the same order by KL as the source's do, as a sentence."""
    pairs = [
        (t_interval(results.values(arm, "kl_nats")).mean, arm.read.kl) for arm in results.arms if arm.read is not None
    ]
    if len(pairs) < 2:
        return ""
    same = total = 0
    for i, (own, read) in enumerate(pairs):
        for other, other_read in pairs[i + 1 :]:
            if read != other_read:
                total += 1
                same += (own > other) == (read > other_read)
    return f"Of {total} pairs of runs whose KL differs in the source's plots, {same} stand in the same order here."


def about_limits(results: Results) -> Answer:
    """What the numbers cannot carry."""
    training = results.config.training
    tail = {arm.name: _steps_at_the_end(results, arm) for arm in results.arms if arm.group in (FROM_100, FROM_10000)}
    times = " and ".join(f"{steps} of {name}" for name, steps in tail.items())
    details = [
        f"A schedule that falls leaves few steps at its last β ({times}), the constant β has all {training.steps}: "
        "what is missing may be time, not a lasting harm. --set steps=N shortens and lengthens both.",
        f"Training was for fixed numbers of steps, {training.steps} and for one schedule "
        f"{RUNS[FROM_10000].steps(training.steps)}, whether or not anything had settled.",
        "Every number is of images that models were trained on or could have been: nothing is about generalisation.",
    ]
    lost = int((~results.table["finite"].to_numpy(zero_copy_only=False)).sum())
    if lost:
        details.append(f"{lost} of {len(results.table)} models diverged and are left out of every number.")
    several = f"{len(results.seeds)} seeds, one data set, one network: intervals are over seeds alone."
    one = "One seed, one data set, one network: every number is a reading, without an interval."
    short = several if len(results.seeds) > 1 else one
    return Answer("limits", "What can these numbers not tell?", short, tuple(details))


def _steps_at_the_end(results: Results, arm: Arm) -> int:
    steps = RUNS[arm.group].steps(results.config.training.steps)
    return int((results.betas_at(arm, np.arange(steps)) <= arm.beta * 1.000001).sum())


def _difference(results: Results, arm: Arm, other: Arm, column: str) -> Interval:
    """The interval of an arm less another, seed by seed."""
    return t_interval(results.values(arm, column) - results.values(other, column))


def _ratio(results: Results, arm: Arm, other: Arm) -> float:
    means = [t_interval(results.values(one, "kl_nats")).mean for one in (arm, other)]
    return means[0] / means[1] if means[1] > 0 else float("nan")


def _mean(values: Array, digits: int) -> str:
    """A mean over seeds with half its 95 % interval where there is one."""
    interval = t_interval(values)
    mean = decimals(interval.mean, digits)
    return f"{mean} ± {decimals(interval.half, digits)}" if interval.known else mean


def _signed(interval: Interval, digits: int) -> str:
    mean = decimals(interval.mean, digits, signed=True)
    return f"{mean} ± {decimals(interval.half, digits)}" if interval.known else mean


def _of_seeds(results: Results) -> str:
    seeds = len(results.seeds)
    return f" ({seeds} seeds, ± half the 95 % interval)" if seeds > 1 else f" (seed {results.seeds[0]})"
