"""The vae study's own words: what columns are called, captions, definitions."""

TITLE = "What a VAE learns, and how strongly to regularise it"

COLUMNS = {  # heading, decimals
    "active_latents": ("active latents", 1),
    "mean_kl": ("KL", 2),
    "aggregate_information": ("information", 2),
    "aggregate_total_correlation": ("total correlation", 2),
    "aggregate_dimwise_kl": ("dimension-wise KL", 2),
    "reconstruction": ("reconstruction error", 2),
    "squared_error": ("squared error", 4),
    "elbo": ("ELBO", 2),
}
"""Of every study; scores go by their names in pyvae.metrics, with three decimals."""

CAPTIONS = {
    "scores": "Each score against the strength, a dot a model, a line through the means over seeds.",
    "latents": "What the code holds: active latents, the KL and its three parts in nats, likewise.",
    "rate": "KL against reconstruction error, a dot a model: what a nat of code buys in nats of image.",
    "reconstruction": "Reconstruction error in nats an image, mean squared error a number, and the ELBO, likewise.",
    "reconstructions": "Test images, and below each what models of the first seed make of its posterior mean.",
    "traversals": """The latents most in use, of models of the first seed, from the 1 % to the 99 % quantile of their
        aggregate posterior, around the code of the first image above.""",
}
FIGURES_OF = {
    "strength": ("scores",),
    "latents": ("latents", "traversals"),
    "cost": ("rate", "reconstruction", "reconstructions"),
}
"""The figures below each answer, those of them that there are."""
WIDE = ("scores", "latents", "reconstruction", "reconstructions", "traversals")

DEFINITIONS = {
    "Reconstruction error": """−log p(x|z) of a test image in nats, constant included, with one code z sampled from its
        posterior, or the mean where codes are deterministic. Training curves leave out a Gaussian's constant.""",
    "Squared error": "(decoded − x)² of the same code, averaged over the numbers of an image and over images.",
    "KL": """KL(q(z|x) ‖ N(0, I)), averaged over images; the ELBO is −(reconstruction error + KL). It has three parts,
        whatever training minimised: the information I(x; z) that codes hold of which image it is, the total correlation
        KL(q(z) ‖ ∏ q(z_d)), and the dimension-wise KL Σ KL(q(z_d) ‖ p(z_d)). They are those of the exact aggregate
        posterior of the images that are measured, from samples of it.""",
    "Active latents": "Latents that hold at least 0.01 nats of the image, I(x; z_d), with a 95 % interval above 0.",
    "Scores": "By their names in pyvae.metrics; docs/metrics.md says what each asks and in which range it lies.",
    "Clear": """The highest mean over seeds is clear of another where Welch's interval of their difference is above 0;
        the intervals of all pairs of strengths and of all scores that the answer speaks of hold at once in 95 of 100
        studies (Bonferroni).""",
    "Short": """A training curve has settled where, of all that it falls, 1 % at most comes from the third quarter of
        its points to the last; of objectives whose losses of different steps cannot be compared the reconstruction's
        does.""",
    "±": "Half the 95 % t interval over seeds; where several seeds give the same number there is none.",
}
