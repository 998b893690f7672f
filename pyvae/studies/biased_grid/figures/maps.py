"""The heat maps of the grid study over (beta, mu)."""

import numpy as np
from matplotlib.figure import Figure

from pyvae.plotting.heat_map import Axis, Line, Map, draw_map
from pyvae.studies.biased_grid.figures.boundary import boundary_line
from pyvae.studies.biased_grid.results import Results, Saved


def map_pmi(saved: Saved) -> Figure:
    """The source's PMI: raw error of its projection from the truth to posterior means."""
    title = "PMI of the source: MSE of truth → means"
    return _column_map(saved, "test_truth_to_mean_mse_sgd", title, "mean squared error", 4, exponents=True)


def map_decoded(saved: Saved) -> Figure:
    """Error of decoded projections, by the source's projection."""
    return _column_map(
        saved, "test_decoded_projection_mse_sgd", "Error of decoded projections", "squared error per pixel", 3
    )


def map_mean_to_truth(saved: Saved) -> Figure:
    """R^2 of predicting the truth from posterior means."""
    return _column_map(saved, "test_mean_to_truth_r2_lsq", "R² of posterior means → truth", "R²", 2, high=1.0)


def map_sample_to_truth(saved: Saved) -> Figure:
    """R^2 of predicting the truth from sampled latents."""
    return _column_map(saved, "test_sample_to_truth_r2_lsq", "R² of sampled latents → truth", "R²", 2, high=1.0)


def map_active(saved: Saved) -> Figure:
    """Active latents."""
    results, latents = saved.results, saved.results.config.model.latents
    by = "variance of means > 0.01" if results.active_by == "variance" else f"{results.active_by} > 0.01 nats"
    title, unit = f"Active latents ({by})", f"of {latents} latents"
    return _draw(Map(title, unit, results.active(), 1, high=latents), results)


def map_recovered(saved: Saved) -> Figure:
    """Recovered information over the ceiling."""
    results = saved.results
    chart = Map("Recovered information / ceiling", "share of the ceiling", results.fraction_recovered(), 2, high=1.0)
    return _draw(chart, results)


def map_code_information(saved: Saved) -> Figure:
    """I(x; code), saturated cells marked."""
    results = saved.results
    saturated = np.nan_to_num(results.grid("train_code_information_saturated")).max(axis=2) > 0
    title, values = "Information in the code, I(x; code)", results.grid("train_code_information_nats")
    return _draw(Map(title, "nats", values, 2, at_least=saturated), results)


def _column_map(
    saved: Saved,
    column: str,
    title: str,
    unit: str,
    digits: int,
    *,
    high: float | None = None,
    exponents: bool = False,
) -> Figure:
    results = saved.results
    chart = Map(title, unit, results.grid(column), digits, high=high, exponents=exponents)
    return _draw(chart, results)


def _draw(chart: Map, results: Results) -> Figure:
    rows = Axis("μ (bias of the training data)", results.mus)
    columns = Axis(results.config.strength_in_words, results.betas)
    if not results.config.theory_holds:
        return draw_map(chart, rows, columns)
    boundary = boundary_line(results.mus, results.betas, results.config.grid)
    return draw_map(chart, rows, columns, Line(*boundary, "predicted collapse to its right, β*(μ)"))
