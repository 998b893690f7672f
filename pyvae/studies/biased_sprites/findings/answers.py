"""All answers of a finished study."""

from pyvae.report.answer import Answer, all_diverged
from pyvae.studies.biased_sprites.findings.recovery import about_factors, about_parts
from pyvae.studies.biased_sprites.findings.robustness import about_robustness
from pyvae.studies.biased_sprites.findings.scores import about_scores
from pyvae.studies.biased_sprites.findings.weights import about_weights
from pyvae.studies.biased_sprites.recipe import recipes
from pyvae.studies.biased_sprites.results import Results
from pyvae.studies.scores import told_share


def findings(results: Results) -> list[Answer]:
    """The study's answers, most important first; only one where no model has a number to answer with."""
    if results.diverged == results.models:
        return all_diverged()
    return [
        about_robustness(results),
        about_weights(results),
        about_factors(results),
        about_parts(results),
        about_scores(results),
        about_limits(results),
    ]


def about_limits(results: Results) -> Answer:
    """What the numbers cannot tell."""
    config = results.config
    steps = config.training.steps
    if config.training.patience is None:
        short = f"Every model was trained for {steps} steps, whether or not it had converged."
    else:
        short = f"Models were trained until their objective stopped improving, for at most {steps} steps."
    details = [
        "Recovered information is I(v; code) by Bayes' rule over all images measured: a reader of the code that "
        "knows less, a linear one say, need not find as much.",
        f"One factor is skewed ({config.biases.skewed}), and one pair of factors correlated "
        f"({', '.join(config.biases.correlated)}) or thinned out ({', '.join(config.biases.removed)}): other factors "
        "may behave otherwise.",
        "Weights are the known ones, p_unbiased / p_biased; fitted weights would add errors of their own.",
        "A rendered sprite without noise tells its factors in full but for symmetries; photographs do not.",
        *([share] if (share := told_share(results.table)) else []),
    ]
    if warnings := {recipe.warning for recipe in recipes(config).values() if recipe.warning}:
        details.append(f"Every β here stands for less than it says: {min(warnings)}.")
    if lost := results.diverged:
        was = ("has", "is") if lost == 1 else ("have", "are")
        details.append(
            f"{lost} model{'' if lost == 1 else 's'} {was[0]} diverged and {was[1]} left out of every number."
        )
    return Answer("limits", "What can these numbers not tell?", short, tuple(details))
