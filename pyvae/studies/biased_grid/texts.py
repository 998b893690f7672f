"""The report's own words: which figures belong to which answer, captions, columns, definitions."""

import re

FIGURES_OF = {  # by the answer's name
    "robustness": ("robustness", "robustness_difference"),
    "recovery": ("map_recovered", "map_active"),
    "source maps": ("map_pmi", "map_decoded"),
    "baseline": ("map_mean_to_truth", "map_sample_to_truth", "map_code_information"),
}
FURTHER_FIGURES = {
    "Training": (
        "curves_by_mu_loss",
        "curves_by_mu_kl",
        "curves_by_beta_loss",
        "curves_by_beta_kl",
        "projection_curve",
    ),
    "Pictures": ("samples_clean", "samples_noised", "generated"),
}
# What stands in braces is filled by what the run has: intervals, means and spreads where there are several seeds.
CAPTIONS = {
    "robustness": """Recovered information over the ceiling, on each model's own training distribution.
        {bands}{linear}""",
    "robustness_difference": "The same, less the share of the reference β. {bands}",
    "map_recovered": """Recovered information, a lower bound on I(truth; code), over the ceiling I(x;
        truth). Training distribution.{line}{spread}""",
    "map_active": "{active} Training distribution.{spread}",
    "map_pmi": """PMI, the source's proxy for mutual information: raw error of the 3-epoch projection from the truth to
        posterior means, in squared standard deviations of the prior. Test grid. A collapsed code scores 0.{spread}""",
    "map_decoded": """Error per pixel between a test image and the decoded projection of its truth. Test
        grid, 3-epoch projection.{spread}""",
    "map_mean_to_truth": """R² of predicting the truth linearly from posterior means. Test grid, closed
        form. A mean that hardly moves can still be a linear image of the truth; below 0 the projection fits
        noise on one half of the grid and fails on the other.{spread}""",
    "map_sample_to_truth": "The same from sampled latents, which do notice. Test grid, closed form.{spread}",
    "map_code_information": """All the code holds of the image, encoded pixel noise included: exact
        aggregate posterior of held-out training images. ≥ marks cells saturated at the log of their
        number.{spread}""",
    "curves_by_mu_loss": "The training objective at the reference β{mean}. {noise}{ramp}",
    "curves_by_mu_kl": "The {kl} at the reference β{mean}.{ramp}",
    "curves_by_beta_loss": "The training objective at the least biased μ{mean}. {noise}{ramp}",
    "curves_by_beta_kl": "The {kl} at the least biased μ{mean}.{ramp}",
    "projection_curve": "The projection's training curve: batch error, running mean over 9 steps.{seed}",
    "samples_clean": "Training images before noise, a row for each μ.",
    "samples_noised": "The same images with their noise.",
    "generated": """Test images no projection was fitted on, and what models decode from their
        projections.{seed}""",
}
ACTIVE = {  # by what decides it
    "information": "Latents that hold at least 0.01 nats of the image, with a 95 % interval above 0.",
    "mean KL": "Latents whose mean KL exceeds 0.01 nats.",
    "variance": "Latents whose mean varies by more than 0.01: a deterministic code holds whatever it is asked for.",
}
COLUMNS = (  # heading, column, decimals
    ("ELBO", "train_elbo_nats", 2),
    ("KL", "train_kl_nats", 2),
    ("active", "train_active", 1),
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


def in_symbols(text: str, symbol: str) -> str:
    """Texts speak of β. Where the objective's strength is another one, its symbol takes β's place, but for theory's."""
    return re.sub(r"β(?!\*|-)", symbol, text)


DEFINITIONS = {
    "The source": """The course project's blog post that this study comes from: its question, data, protocol and two
        heat maps.""",
    "PMI": """The source's "proxy for mutual information": the mean squared error of a linear projection, trained for
        three epochs, from the true intensities to posterior means. Lower was read as better.""",
    "Training distribution": """Noised images of blocks sigmoid(z), z ~ N(μ, 1): held out, each model its
        own μ. Columns train_….""",
    "Test grid": """Noise-free images of all combinations of the intensities {0.1, 0.5, 0.9}. Truth
        means these intensities; their logits are affine in them, so R² would be the same and a raw
        error would not. Columns test_…; projections are fitted on one random half of the grid and
        scored on the other.""",
    "R²": "Variance-normalised and summed over outputs; 0 by definition when the target does not vary.",
    "Ceiling": "I(x; z): what a noised image holds of its true latents, by quadrature.",
    "Recovered": """Sum over true latents of −½ log(1 − R²), predicted linearly from one sampled code: a
        lower bound on I(z; code).""",
    "I(x; code)": """All the code holds of the image, pixel noise included; at most the log of the number of
        images.""",
    "Active": """A latent that holds at least 0.01 nats of the image, I(x; z_d), with a 95 % interval above 0. Beside
        it, by name: mean KL above 0.01 nats (it calls latents active whose means have not settled), variance of the
        posterior mean above 0.01, which alone decides where codes are deterministic.""",
    "Collapsed": """A model of which no latent is active. Of a cell (μ, β), which has a model for each seed, texts say
        whether it is some seed or every seed that has collapsed.""",
    "β*(μ)": """1 + pixels of a block · Var(sigmoid z) / noise variance: linear theory has a latent in use
        only for smaller β.""",
    "ELBO": "Without the constant of the Gaussian likelihood: −(reconstruction + KL), in nats per image.",
}
