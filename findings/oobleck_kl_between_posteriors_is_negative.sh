#!/usr/bin/env bash
# diffusers' distribution of audio autoencoders gives a KL divergence between two posteriors that is negative.
#
# One would guess: `OobleckDiagonalGaussianDistribution.kl(other)` is what `DiagonalGaussianDistribution.kl(other)` of
# the same library is, on its own scale (no half, a sum over channels, a mean over time), and so at least 0.
#
# What happens (diffusers 0.42.1): without an argument it is right, to N(0, 1). With another distribution the difference
# of the log-variances is added where it has to be subtracted. Of N(0, 1/4) from N(0, 1), eight channels: -17.09, where
# the truth on that scale is 5.09. From a wider to a narrower one the error has the other sign.
#
# Why it matters to VAE work: the KL between two posteriors is what a learned prior, a teacher's latents or a fine-tuned
# encoder are held to. As a loss it pays for posteriors that are ever narrower than the other, without a bound.
#
# What it means for pyvae: `Posterior.kl(prior)` has the formula once for every spread, and tests/posterior holds it
# against torch.distributions; docs/drop-ins.md names the fault, tests/examples/drop_ins reproduces it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q diffusers==0.42.1 torch==2.13.0 numpy==2.4.6
cat > "$folder/kl.py" <<'PY'
import diffusers
import torch
from diffusers.models.autoencoders.autoencoder_oobleck import OobleckDiagonalGaussianDistribution
from torch.distributions import Normal, kl_divergence


def of_mean_0(sigma):
    """Eight channels of eleven steps; a head s has the deviation softplus(s) + 1e-4."""
    s = torch.tensor(sigma - 1e-4).expm1().log()
    return OobleckDiagonalGaussianDistribution(torch.cat([torch.zeros(1, 8, 11), s.expand(1, 8, 11)], 1))


def truth(one, other):
    halves = kl_divergence(Normal(one.mean, one.std), Normal(other.mean, other.std))
    return float(2 * halves.sum(1).mean())


narrow, wide = of_mean_0(0.5), of_mean_0(1.0)
to_prior = float(narrow.kl())
between, right = float(narrow.kl(wide)), truth(narrow, wide)
print(f"kl() {to_prior:.3f}, kl(N(0, 1)) {between:.3f}, truth {right:.3f}")
assert abs(to_prior - right) < 1e-3 and abs(right - 5.090) < 1e-3
assert abs(between + 17.090) < 1e-3
back, right = float(wide.kl(narrow)), truth(wide, narrow)
print(f"from the wide one to the narrow one {back:.3f}, truth {right:.3f}")
assert back > right + 20
assert diffusers.__version__ == "0.42.1"
print("as described")
PY
"$folder/venv/bin/python" "$folder/kl.py"
