#!/usr/bin/env bash
# latentverse's total correlation of ten dependent latents is 0 once their unit is small.
#
# One would guess: the total correlation of codes does not know their unit; ten latents that share a common part have the
# same one in metres and in decimetres.
#
# What happens (latentverse 0.3.5): it is Gaussian, from determinants, and a product of the latents' variances of at most
# 1e-10 counts as singular, for which it says 0. Ten latents of a variance of about 2 read 3.245 nats, and at half the
# scale too; at a tenth of it 0.0, without a warning. With 34 latents the product is that small at variances of a half.
#
# Why it matters to VAE work: 0 is the best value that a score of disentanglement can have, and means of posteriors are
# often small: those of latents near collapse have variances of a hundredth.
#
# What it means for pyvae: `gaussian_total_correlation` works on correlations, which have no unit; benchmarks/audit asks
# both beside a known truth.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q latentverse==0.3.5 torch==2.13.0 numpy==2.4.6
cat > "$folder/units.py" <<'PY'
from importlib.metadata import version

import warnings

import numpy as np

warnings.filterwarnings("ignore")
from latentverse import run_disentanglement

codes = np.random.default_rng(0).normal(size=(2000, 10))
codes += codes[:, :1]  # a common part
labels = np.arange(2000) % 2
sign, log_det = np.linalg.slogdet(np.corrcoef(codes, rowvar=False))
print(f"in closed form, by correlations: {-0.5 * log_det:.3f}")
found = {unit: float(run_disentanglement(unit * codes, labels)["metrics"]["TC"]) for unit in (1.0, 0.5, 0.1)}
for unit, value in found.items():
    print(f"times {unit:g}: {value:.3f}")
assert abs(found[1.0] + 0.5 * log_det) < 0.01 and abs(found[0.5] - found[1.0]) < 0.01
assert found[0.1] == 0.0
assert version("latentverse") == "0.3.5"
print("as described")
PY
"$folder/venv/bin/python" "$folder/units.py"
