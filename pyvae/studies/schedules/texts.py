"""The texts of the schedules study's page that hold no numbers of a run."""

TITLE = "β on a schedule: what rises, falls and comes back"

FIGURES_OF = {
    "recovery": ("kl_scheduled", "std_scheduled"),
    "revival": ("kl_against_beta", "schedules"),
    "collapse": ("kl_constant", "std_constant"),
    "source": ("latents",),
}
"""The figures below each answer."""

LEAST_KL = 1e-3
"""Nats, of an image or of a latent: figures show no less."""
CAPTIONS = {
    "kl_scheduled": f"""KL while β follows its schedule, a line a seed, which leaves the frame below {LEAST_KL:g} nats;
        triangles: the source's plots at their end, those on the lower edge at {LEAST_KL:g} nats or less.""",
    "std_scheduled": "Mean posterior standard deviation over latents and images, likewise; 1 is a collapsed model.",
    "kl_against_beta": f"""The same KL against β itself, a dot a record, the mean since the one before: what lies
        between two dots is not known, and lines leave the frame below {LEAST_KL:g} nats. Large points: what constant
        βs end with, one for each seed, those on the lower edge with {LEAST_KL:g} nats or less. A β of 0 has no
        place.""",
    "schedules": "The schedules of β, without a β of 0. Dotted: linear theory has every latent collapsed above.",
    "kl_constant": f"""KL at constant βs, a line for each seed, which leaves the frame below {LEAST_KL:g} nats;
        triangles: the source's plots at their end, those on the lower edge at {LEAST_KL:g} nats or less.""",
    "std_constant": "Mean posterior standard deviation at constant βs, likewise.",
    "latents": f"""KL of each latent at the end of training, mean over seeds, in order of size. A line leaves the frame
        where latents hold less than {LEAST_KL:g} nats.""",
}

DEFINITIONS = {
    "The source": "The project whose eight runs these are: CelebA, 64 × 64, a convolutional β-VAE, one seed.",
    "Loss": "Summed squared error + β · KL: a Gaussian likelihood of variance 1/2, without its constant.",
    "β": "Weight of the KL. A schedule's name says where it starts and ends; its lengths are shares of the run.",
    "KL": "KL(q(z|x) ‖ N(0, I)) in nats, summed over latents and averaged over images.",
    "Mean posterior deviation": "Standard deviation of q(z_d|x), averaged over latents and images.",
    "Active": "Latents that hold at least 0.01 nats of the image, I(x; z_d), with a 95 % interval above 0.",
    "2λ_1": """Linear theory: the k-th latent of a linear VAE is in use only while β < λ_k/σ², λ_k being the variance of
        the data's k-th principal component and σ² = 1/2 the likelihood's.""",
    "β × latents / numbers": "Higgins et al. (2017): βs of models and images of different sizes on one scale.",
}

COLUMNS = (  # heading, column, decimals
    ("KL", "kl_nats", 2),
    ("posterior deviation", "posterior_std", 3),
    ("squared error", "squared_error", 2),
    ("active", "active", 1),
    ("active (KL)", "active_kl", 1),
    ("active (Var)", "active_variance", 1),
)
