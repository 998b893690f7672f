"""Bias as data: how training data's factors depart from their unbiased distribution, draws of it, and weights."""

from pyvae.data.bias.bias import Bias, effective_sample_size
from pyvae.data.bias.changes import Change, Correlate, Remove, Resample, Shift, Skew
from pyvae.data.bias.drawing import Biases, biases_of, draw_factors, draw_rows, means_of, stacked_log_weights
from pyvae.data.bias.table import FactorTable

__all__ = [
    "Bias",
    "Biases",
    "Change",
    "Correlate",
    "FactorTable",
    "Remove",
    "Resample",
    "Shift",
    "Skew",
    "biases_of",
    "draw_factors",
    "draw_rows",
    "effective_sample_size",
    "means_of",
    "stacked_log_weights",
]
