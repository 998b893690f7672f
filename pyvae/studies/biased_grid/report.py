"""report.html: one self-contained page about a finished study, made from its folder only:
`write_report(folder)`.

Answers in words come first, then the figures, the table, the definitions, the settings. Pictures are inline,
nothing is loaded from elsewhere, so the page opens from disk and can be sent as one file.
"""

import math
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyvae.files import atomic_write_text
from pyvae.report.answer import Answer
from pyvae.report.page import (
    bullets,
    code,
    definitions,
    gallery,
    header,
    page,
    paragraph,
    picture,
    section,
    table,
)
from pyvae.report.statistics import Interval
from pyvae.studies.biased_grid.config import PRESETS, BiasedGridConfig
from pyvae.studies.biased_grid.findings.answers import findings
from pyvae.studies.biased_grid.findings.comparison import robustness
from pyvae.studies.biased_grid.results import Array, Results, load_results, reference_beta

CAPTIONS = {
    "robustness": """Recovered information over the ceiling, on each model's own training distribution.
        Bands: 95 % t intervals over seeds; they may leave the frame. Dotted: what the best linear VAE would
        recover. Right: the difference from the reference β, seed by seed.""",
    "map_recovered": """Recovered information, a lower bound on I(truth; code), over the ceiling I(x;
        truth). Training distribution. The line is where linear theory predicts collapse.""",
    "map_active": "Latents whose mean KL exceeds 0.01 nats. Training distribution.",
    "map_pmi": """The source's proxy: raw error of the 3-epoch projection from the truth to posterior means,
        in squared standard deviations of the prior. Test grid. A collapsed code scores 0.""",
    "map_decoded": """Error per pixel between a test image and the decoded projection of its truth. Test
        grid, 3-epoch projection.""",
    "map_mean_to_truth": """R² of predicting the truth linearly from posterior means. Test grid, closed
        form. A mean that hardly moves can still be a linear image of the truth; below 0 the projection fits
        noise on one half of the grid and fails on the other.""",
    "map_sample_to_truth": "The same from sampled latents, which do notice. Test grid, closed form.",
    "map_code_information": """All the code holds of the image, encoded pixel noise included: exact
        aggregate posterior of held-out training images. ≥ marks cells saturated at the log of their
        number.""",
    "curves_by_mu": "Training curves at the reference β, mean over seeds.",
    "curves_by_beta": "Training curves at the least biased μ, mean over seeds.",
    "projection_curve": "The projection's training curve: batch error, running mean over 9 steps.",
    "samples_clean": "Training images before noise, a row for each μ.",
    "samples_noised": "The same images with their noise.",
    "generated": "Test images no projection was fitted on, and what models decode from their projections.",
}
FIGURES_OF_ANSWERS = (  # in the order of `findings`
    ("robustness",),
    ("map_recovered", "map_active"),
    (),
    ("map_pmi", "map_decoded"),
    ("map_mean_to_truth", "map_sample_to_truth", "map_code_information"),
    (),
)
FURTHER_FIGURES = {
    "Training": ("curves_by_mu", "curves_by_beta", "projection_curve"),
    "Pictures": ("samples_clean", "samples_noised", "generated"),
}
COLUMNS = (  # heading, column, decimals
    ("ELBO", "train_elbo_nats", 2),
    ("KL", "train_kl_nats", 2),
    ("active (KL)", "train_active_kl", 1),
    ("active (Var)", "train_active_variance", 1),
    ("ceiling", "train_ceiling_nats", 2),
    ("recovered", "train_recovered_nats", 2),
    ("I(x; code)", "train_code_information_nats", 2),
    ("PMI", "test_truth_to_mean_mse_sgd", 4),
    ("R² truth→mean", "test_truth_to_mean_r2_lsq", 3),
    ("R² mean→truth", "test_mean_to_truth_r2_lsq", 3),
    ("R² sample→truth", "test_sample_to_truth_r2_lsq", 3),
    ("decoded error", "test_decoded_projection_mse_sgd", 3),
)
DEFINITIONS = {
    "Training distribution": """Noised images of blocks sigmoid(z), z ~ N(μ, 1): held out, each model its
        own μ. Columns train_….""",
    "Test grid": """Noise-free images of all combinations of the intensities {0.1, 0.5, 0.9}. Truth
        means these intensities; their logits are affine in them, so R² would be the same and a raw
        error would not. Columns test_…; projections are fitted on one random half of the grid and
        scored on the other.""",
    "R²": "Variance-normalised and summed over outputs; 0 by definition when the target does not vary.",
    "Ceiling": "I(x; z): what a noised image holds of its true latents, by quadrature.",
    "Recovered": """Sum over true latents of -½ log(1 - R²), predicted linearly from one sampled code: a
        lower bound on I(z; code).""",
    "I(x; code)": """All the code holds of the image, pixel noise included; at most the log of the number of
        images.""",
    "Active": "Mean KL above 0.01 nats; beside it, variance of the posterior mean above 0.01.",
    "β*(μ)": """1 + pixels of a block · Var(sigmoid z) / noise variance: linear theory has a latent in use
        only for smaller β.""",
    "ELBO": "Without the constant of the Gaussian likelihood: -(reconstruction + KL), in nats per image.",
}


def write_report(folder: Path | str) -> Path:
    """Write folder/report.html from the folder's results and figures; returns its path.

    Raises FileNotFoundError naming what is missing, results or a figure.
    """
    folder = Path(folder)
    results = load_results(folder)
    answers = findings(results)
    galleries = [_gallery(folder, names) for names in FIGURES_OF_ANSWERS]
    body = [
        _head(results, answers[0]),
        galleries[0],
        *_robustness_table(results),
        *(
            section(answer.question, paragraph(answer.short, "short"), bullets(answer.details), pictures)
            for answer, pictures in zip(answers[1:], galleries[1:], strict=False)
        ),
        *(section(title, _gallery(folder, names)) for title, names in FURTHER_FIGURES.items()),
        section("All cells", *_results_table(results)),
        section("What is what", definitions({term: _one_line(text) for term, text in DEFINITIONS.items()})),
        section("Settings, and how to reproduce", *_settings(results.config)),
    ]
    path = folder / "report.html"
    atomic_write_text(path, page("Biased grid data: does β buy robustness?", body))
    return path


def reproduce_command(config: BiasedGridConfig) -> str:
    """The command line that gives this config."""
    parts = ["pyvae", "study", config.STUDY, "--preset", config.preset, "--out", "DIR"]
    values, specs = config.values(), config.specs()
    for name in config.differing(PRESETS[config.preset]):
        if name in specs:
            parts += ["--set", f"{name}={specs[name].shown(values[name])}"]
    return shlex.join(parts)


def _head(results: Results, answer: Answer) -> str:
    seeds = len(results.seeds)
    facts = (
        f"Biased grid data · {results.table.num_rows} models: μ in {_list(results.mus)}; β in "
        f"{_list(results.betas)}; {seeds} seed{'' if seeds == 1 else 's'}; preset {results.config.preset}"
    )
    return header(facts, answer.question, answer.short, answer.details)


def _gallery(folder: Path, names: Sequence[str]) -> str:
    pictures = []
    for name in names:
        path = folder / "figures" / f"{name}.png"
        if not path.is_file():
            raise FileNotFoundError(f"folder must hold the study's figures, but {folder} has no figures/{name}.png")
        pictures.append(picture(path, _one_line(CAPTIONS[name]), narrow=name.startswith("map_")))
    return gallery(pictures)


def _robustness_table(results: Results) -> tuple[str, str]:
    reference = f"β = {reference_beta(results.betas):g}"
    head = (
        "β",
        "mean share",
        "slope against μ",
        f"slope minus that of {reference}, all μ",
        "μ in use",
        "shared μ",
        f"slope minus that of {reference}, shared μ",
        f"share minus that of {reference}, shared μ",
    )
    rows = []
    for row in robustness(results):
        level, counts = [row.share, row.slope, row.slope_gain], [str(row.in_use), str(len(row.shared))]
        gains = [row.shared_slope_gain, row.shared_share_gain]
        rows.append([f"{row.beta:g}", *map(_interval, level), *counts, *map(_interval, gains)])
    note = """Share: recovered information over the ceiling. Slopes are per unit of μ. In use: an active
        latent in every seed; shared: in use at this β and at the reference. ± is half the 95 % t interval
        over seeds."""
    return table(head, rows), paragraph(_one_line(note), "note")


def _results_table(results: Results) -> tuple[str, str]:
    grids = [(results.grid(column), digits) for _, column, digits in COLUMNS]
    rows = []
    for i, j in np.ndindex(len(results.mus), len(results.betas)):
        cells = [_cell(values[i, j], digits) for values, digits in grids]
        rows.append([f"{results.mus[i]:g}", f"{results.betas[j]:g}", *cells])
    note = "Means over seeds ± their standard deviation. results.parquet has every model and every measure."
    return table(("μ", "β", *(heading for heading, _, _ in COLUMNS)), rows), paragraph(note, "note")


def _cell(values: Array, digits: int) -> str:
    present = values[~np.isnan(values)]
    if len(present) == 0:
        return "-"
    mean = f"{round(float(present.mean()), digits) + 0.0:.{digits}f}"
    return mean if len(present) == 1 else f"{mean} ± {present.std(ddof=1):.{digits}f}"


def _interval(interval: Interval) -> str:
    if math.isnan(interval.mean):
        return "-"
    mean = f"{round(interval.mean, 3) + 0.0:.3f}"
    return f"{mean} ± {interval.half:.3f}" if interval.known else mean


def _settings(config: BiasedGridConfig) -> tuple[str, str, str]:
    choices = (
        f"The source states {PRESETS['seed'].evaluation.projection_epochs} epochs for its projection and not the rest. "
        f"Chosen here: Adam, learning rate {config.evaluation.projection_learning_rate:g}, batch "
        f"{config.evaluation.projection_batch_size}, {config.evaluation.projection_epochs} epochs, weights from zero."
    )
    settings = config.to_json()
    return code(reproduce_command(config)), paragraph(choices), code(settings, "config.json")


def _list(values: Array) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _one_line(text: str) -> str:
    return " ".join(text.split())
