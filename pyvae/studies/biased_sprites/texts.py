"""The report's own words: which figures belong to which answer, captions, definitions."""

from pyvae.studies.biased_sprites.config import KINDS, OBJECTIVE_NAMES

FIGURES_OF = {
    "robustness": tuple(f"map_{name}_{kind.name}" for name in OBJECTIVE_NAMES for kind in KINDS),
    "weights": tuple(f"weights_{name}" for name in OBJECTIVE_NAMES),
    "factors": tuple(f"factors_{name}" for name in OBJECTIVE_NAMES),
    "parts": ("samples",),
}
"""By the answer's name."""
CAPTIONS = {
    "map": "Share of the ceiling that {objective} recovers on the unbiased test set, by the {kind} of its training "
    "data (0: none) and β.{spread}",
    "weights": "Shares by unbiased, biased and importance-weighted training of {objective}.{bars}",
    "factors": "Share of each factor's ceiling at β = {reference:g}, without bias and with the strongest of each kind, "
    "{objective}.{spread}",
    "samples": "Training images, a row for each bias: all rows draw with the same random numbers.",
}
DEFINITIONS = {
    "Unbiased test set": "All combinations of the factors, each once, or as many of them as the setting `points` says: "
    "what every number here is measured on, whatever a model was trained on.",
    "Recovered": "I(v; code) in nats, summed over the factors v: how much a sampled code tells of them, by Bayes' rule "
    "with the model's own posteriors of all images that are measured. Of these it is the information itself, no bound, "
    "up to the error of the codes that are sampled.",
    "Ceiling": "I(v; x): the log of the number of the factor's values, less what images of different values that look "
    "the same leave open: of eight orientations a square shows two.",
    "Share": "Recovered over the ceiling.",
    "Skew": "p(v) ∝ exp(strength · v / (size − 1)) of one factor.",
    "Correlation": "p(a, b) ∝ exp(−strength² (u_a − u_b)² / 2) of two factors' places u in their ranges.",
    "Removal": "Combinations of the last values of two factors are never drawn; the strength is which share of each "
    "factor's values takes part.",
    "Made rarer": "Images whose probability the bias lowers: w = p_unbiased / p_biased > 1.",
    "Weights": "w multiplies every image's terms of the objective, whose mean is divided by the mean weight, and in "
    "the density of the beta-TCVAE the image's posterior.",
    "Effective share": "(E w)² / E w²: how many unbiased images a weighted biased one is worth (Kish 1965).",
    "Active": "A latent that holds at least 0.01 nats of the image, with a 95 % interval above 0.",
    "MIG, minimality, sufficiency": "Scores of pyvae.metrics, by the exact aggregate posterior.",
    "Gap closed": "(weighted − biased) / (unbiased − biased), of the shares' means over seeds; its interval is the "
    "jackknife's.",
}
