"""Settings of a study that takes a moment. Sizes are multiples of 16, where stacking keeps every bit."""

from pyvae.studies.agreement.config import AgreementConfig

TINY = AgreementConfig("quick").overridden(
    [
        "beta_vae=1,4", "controlled_capacity=2,8", "factor_vae=10", "dip_vae_i=1", "dip_vae_ii=1", "beta_tcvae=4",
        "seeds=0,1", "sizes=3,2,2,4,4", "side=8", "hidden=16", "latents=3", "discriminator=16", "steps=40",
        "batch_size=32", "curve_every=10", "validate_every=20", "validation_images=32", "points=200",
        "learning_rate=0.005",
    ]
)  # fmt: skip


def tiny(*overrides: str) -> AgreementConfig:
    return TINY.overridden(overrides)
