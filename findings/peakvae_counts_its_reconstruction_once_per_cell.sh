#!/usr/bin/env bash
# The loss of scvi-tools' model of chromatin accessibility counts the reconstruction once for every cell of the
# minibatch, so that the weight of its KL is one over the batch size.
#
# One would guess: the loss of a minibatch is the sum, or the mean, over cells of reconstruction + weight x KL, as that
# of the library's other VAEs is.
#
# What happens (scvi-tools 1.4.2, PEAKVAE): the reconstruction is summed over cells before the KL, which still has one
# number per cell, is added; the sum that follows counts it B times. Measured: 1, 16 and 128 times for 1, 16 and 128
# cells, to the digits of float32, at kl_weight = 1.
#
# Why it matters to VAE work: the beta of the objective is 1/128 at the default batch size, and changes with it; latents
# hold more, and posteriors are narrower, than the KL's weight says. Who compares batch sizes compares betas.
#
# What it means for pyvae: its losses are means over images of terms that have one number per image, by name;
# benchmarks/audit measures the weight that each library's loss gives its KL.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q scvi-tools==1.4.2 torch==2.13.0 numpy==2.4.6
cat > "$folder/loss.py" <<'PY'
import warnings

warnings.filterwarnings("ignore")
import scvi
import torch
from scvi import REGISTRY_KEYS as KEYS
from scvi.module import PEAKVAE

torch.manual_seed(0)
for cells in (1, 16, 128):
    module = PEAKVAE(n_input_regions=30).eval()
    zeros = torch.zeros(cells, 1, dtype=torch.long)
    tensors = {KEYS.X_KEY: (torch.rand(cells, 30) > 0.5).float(), KEYS.BATCH_KEY: zeros, KEYS.LABELS_KEY: zeros}
    _, _, losses = module(tensors, loss_kwargs={"kl_weight": 1.0})
    reconstruction = losses.reconstruction_loss["reconstruction_loss"].sum()
    kl = losses.kl_local["kl_local"].sum()
    times = float((losses.loss - kl) / reconstruction)
    print(f"{cells} cells: the loss has the reconstruction {times:.4f} times, the KL once")
    assert abs(times / cells - 1) < 1e-3
assert scvi.__version__ == "1.4.2"
print("as described")
PY
"$folder/venv/bin/python" "$folder/loss.py"
