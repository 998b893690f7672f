"""Which constant βs leave no latent in use, and what linear theory says."""

from typing import NamedTuple

from pyvae.report.answer import Answer, listed
from pyvae.studies.schedules.findings.words import Seeds, cited, mean, no_verdict, over
from pyvae.studies.schedules.results import Arm, Array, Results

QUESTION = "Which constant βs collapse, and was it to be expected?"


class Ended(NamedTuple):
    """How the models of a constant β ended, those alone that have finite numbers."""

    arm: Arm
    used: Seeds
    active: Array
    """Latents in use, [models]."""
    expected: bool
    """Whether linear theory has no latent in use."""

    @property
    def dead(self) -> int:
        """Models without any latent in use."""
        return int((self.active == 0).sum())

    @property
    def collapsed(self) -> bool:
        return self.dead == len(self.active)

    @property
    def mixed(self) -> bool:
        """Whether some have collapsed, and others have not."""
        return 0 < self.dead < len(self.active)

    @property
    def right(self) -> int:
        """Models of which linear theory says rightly whether any latent is in use."""
        return self.dead if self.expected else len(self.active) - self.dead


def about_collapse(results: Results) -> Answer:
    """The verdict, linear theory's, then every β at which either has a latent in use."""
    ended = [_ended(results, arm) for arm in results.constant]
    told = [one for one in ended if len(one.active)]
    lost = [no_verdict(results, one.arm) for one in ended if not len(one.active)]
    if not told:
        return Answer("collapse", QUESTION, " ".join(lost) or "This run has no constant β.", ())
    details = [_sentence(results, one) for one in told if not one.collapsed or not one.expected]
    return Answer("collapse", QUESTION, f"{_verdict(results, told)} {_theory(results, told)}", (*details, *lost))


def _ended(results: Results, arm: Arm) -> Ended:
    used = results.known(arm)
    return Ended(arm, used, results.values(arm, "active")[used], arm.beta >= _first(results))


def _first(results: Results) -> float:
    return float(results.collapse_betas[0])


def _verdict(results: Results, told: list[Ended]) -> str:
    collapsed = [one for one in told if one.collapsed]
    mixed = [f"{one.arm.name} does in {one.dead} of {len(one.active)} models" for one in told if one.mixed]
    also = f"; {listed(mixed)}" if mixed else ""
    reading = "A reading: " if all(len(one.active) == 1 for one in told) else ""
    if not collapsed:
        none = f"none of {len(told)} constant βs leaves every latent unused"
        none += " in all models" if mixed else ""
        return f"{reading or ('' if mixed else 'No collapse: ')}{none} ({_seeds(results, told)}){also}."
    betas = listed([f"{one.arm.beta:g}" for one in collapsed])
    leave = "leaves" if len(collapsed) == 1 else "leave"
    return f"{reading}β = {betas} {leave} no latent in use ({_seeds(results, collapsed)}){also}."


def _seeds(results: Results, some: list[Ended]) -> str:
    """The seeds of several βs: those of each where they differ."""
    apart = {over(results, one.used) for one in some}
    if len(apart) == 1:
        return apart.pop()
    return "; ".join(f"β = {one.arm.beta:g}: {over(results, one.used)}" for one in some)


def _theory(results: Results, told: list[Ended]) -> str:
    models, right = sum(len(one.active) for one in told), sum(one.right for one in told)
    theory = f"Linear theory, collapse for β ≥ 2λ_1 = {_first(results):.1f} of this data,"
    if len({one.expected for one in told}) == 2:
        return f"{theory} says rightly of {right} of {models} models whether any latent is in use."
    outcome = "no latent" if told[0].expected else "latents"
    return f"{theory} has {outcome} in use in all {models} models, which is no test of it; {right} are so."


def _sentence(results: Results, one: Ended) -> str:
    linear = results.linear_active(one.arm.beta)
    some = f"{one.dead} of {len(one.active)} models without any latent in use; " if one.mixed else ""
    active = f"active latents {mean(one.active, 1)} of {results.config.model.latents}"
    found = cited(f"{some}{active}", results, one.used)
    return f"{one.arm.name}: {found}, where linear theory has {linear} (variances of principal components above β/2)."
