"""The study's own words: what scores are called, which figures belong to which answer, captions, definitions."""

REFUSES_MANY = 0.05
"""A score that refuses more of the models in use than this is left out of correlations, and named."""

DISENTANGLEMENT = {
    "beta_vae_score": "BetaVAE",
    "factor_vae_score": "FactorVAE",
    "mig": "MIG",
    "mig_sup": "MIG-sup",
    "jemmig": "JEMMIG",
    "dcimig": "DCIMIG",
    "modularity": "Modularity",
    "sap": "SAP",
    "dci_disentanglement": "DCI disentanglement",
    "dci_completeness": "DCI completeness",
    "infomec_modularity": "InfoM",
    "infomec_compactness": "InfoC",
    "irs": "IRS",
    "minimality": "Minimality",
    "sufficiency": "Sufficiency",
}
"""Scores that ask about single latents, in a factor's or a latent's favour."""
CONTENT = {
    "explicitness": "Explicitness",
    "dci_informativeness": "DCI informativeness",
    "infomec_explicitness": "InfoE",
    "linear_r2": "Linear R²",
}
"""Scores that ask what the whole code tells, whichever latents hold it: close kin of downstream accuracy."""
USE = {"downstream_accuracy": "Downstream accuracy", "statistical_efficiency": "Statistical efficiency"}
UNSUPERVISED = {
    "udr": ("UDR", 1),
    "aggregate_total_correlation": ("Total correlation", -1),
    "gaussian_total_correlation": ("Gaussian TC of means", -1),
    "wasserstein_correlation": ("Wasserstein correlation", -1),
    "mutual_information_score": ("Mutual-information score", -1),
    "aggregate_information": ("Information I(x; z)", 1),
    "active_latents": ("Active latents", 1),
    "kl": ("KL", 1),
    "reconstruction": ("Reconstruction loss", -1),
    "elbo": ("ELBO", 1),
}
"""Numbers that need no factors, and whether more (1) or less (-1) of each is hoped to be better."""
PROTOCOLS = {
    "mig": (("mig_20_bins", "20 bins of means"), ("mig_of_means", "means, by neighbours")),
    "modularity": (("modularity_20_bins", "20 bins of means"),),
    "sap": (("sap_not_standardised", "codes as they are"),),
    "explicitness": (("explicitness_one_vs_rest", "one machine for each value"),),
    "factor_vae_score": (("factor_vae_score_absolute", "pruned by an absolute threshold"),),
}
"""By the score, its other readings and what each does."""
LABELS = {
    **DISENTANGLEMENT,
    **CONTENT,
    **USE,
    **{name: label for name, (label, _) in UNSUPERVISED.items()},
}
LABELS |= {other: f"{LABELS[score]} ({words})" for score, others in PROTOCOLS.items() for other, words in others}
OBJECTIVES = {
    "beta-vae": "β-VAE",
    "controlled-capacity": "Controlled capacity",
    "factor-vae": "FactorVAE",
    "dip-vae-i": "DIP-VAE I",
    "dip-vae-ii": "DIP-VAE II",
    "beta-tcvae": "β-TCVAE",
}

TITLE = "Do scores of disentanglement agree, and do they matter?"
FIGURES_OF = {  # by the answer's name
    "agreement": ("agreement",),
    "use": ("use",),
    "variance": ("variance", "by_objective"),
    "unsupervised": ("unsupervised",),
    "protocol": ("protocol",),
    "rotation": ("rotation",),
    "models": ("strengths",),
}
WIDE = ("agreement", "by_objective", "protocol", "strengths", "use")
"""Figures that need the whole width."""
CAPTIONS = {
    "agreement": """Spearman's rank correlation of every two scores over the models in use that have all of them. Under
        each number its own 95 % interval, by the bootstrap over {cells}.""",
    "use": """Rank correlation of each score with downstream accuracy and with statistical efficiency, each with
        its own 95 % interval, by the bootstrap over {cells}. {within}""",
    "variance": """Shares of each score's variance over all models. A share below 0, which an estimate without bias can
        have, is drawn as 0.""",
    "by_objective": "Every model's score: one dot a model, darker for a smaller strength; collapsed models are hollow.",
    "unsupervised": """Rank correlation of numbers that need no factors with the mean rank by all scores of
        disentanglement, each counted in the direction that is hoped to be better. Each with its own 95 % interval, by
        the bootstrap over {cells}.""",
    "protocol": "The same score of the same models in two protocols: one dot a model, a colour for each objective.",
    "rotation": """Scores of posterior means and of the same means rotated, z' = Uz: one line a model. The likelihood is
        the same.""",
    "strengths": """What each strength does: information in the code, in nats, and active latents, one dot a model; the
        strengths of an objective stand in ascending order.""",
}
CELLS = {True: "cells, all models of one objective and strength at a time", False: "models"}
"""What intervals of correlations are over, with several seeds and with one."""
WITHIN = "Hollow: among models of one objective and strength only."
DEFINITIONS = {
    "Scores": """As pyvae.metrics has them, in the protocol of their papers unless another is named; docs/metrics.md
        says what each asks. Of the unbiased data set's images, all or as many as the settings say, the same for all
        models.""",
    "Scores of disentanglement": """Those that ask about single latents: {disentanglement}. Scores that ask about the
        whole code, {content}, are measured, too, and are no evidence of usefulness: they are accuracies themselves.""",
    "Mean rank": """A model's rank by each score of disentanglement, averaged over the scores: what they have in
        common.""",
    "UDR": "{udr}",
    "Active, collapsed": """A latent that holds at least 0.01 nats of the image, I(x; z_d), with a 95 % interval above
        0. A model without any has collapsed; what scores say of it is noise, so correlations leave it out.""",
    "Interval of a correlation": """Of 95 %, over {cells}: tanh(artanh r ± t·s), where s is the standard deviation of
        artanh r over 1000 samples drawn with replacement, and t is Student's of one degree of freedom less than there
        are to draw from. Each interval stands alone: of twenty correlations that are 0 one would be missed.""",
    "Clearly": """Told from 0, or from another value that is named, together with all others of which the same sentence
        speaks: two-sided p values, of correlations from the same s and t, by Holm (1979), so that the chance that any
        is called clear that is not is 5 % at most. Correlations among models of one objective and strength are a family
        of their own, and so are comparisons with 0.7, of objectives, of shares of variance, and of rotated scores.""",
    "Closely": "A correlation clearly above 0.7.",
    "Shares of variance": """Models y = m + objective + strength of this objective + seed, a nested analysis of
        variance. share(objective) = (SS_O − d_O·SS_E/d_E)/SS and share(strength) likewise: Kelley's (1935) ε², which is
        an adjusted R²; the seed has the rest. Intervals by the jackknife over seeds, and p values by its t.
        Locatello et al. (2019) report the explained variance of the same two regressions.""",
    "Statistical efficiency": """Downstream accuracy with 100 training images over that with all of them. A code that
        tells nothing has about 1.""",
    "Rotation": """U is one random orthogonal matrix for all models and acts on all latents. A model with codes
        z' = Uz and the decoder g(Uᵀz') gives every image the same density; the ELBO of the table is computed from the
        rotated codes and full covariances.""",
}
UDR_ACROSS = {
    True: "Agreement of a model's latents with those of the other seeds of its objective and strength, the median.",
    False: "Agreement of a model's latents with those of the other strengths of its objective, the median: there is "
    "one seed.",
}
