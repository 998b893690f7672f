#!/usr/bin/env bash
# torch's Adam: the first moment of a weight that gets no gradient any more never reaches 0, and stays subnormal.
#
# One would guess: multiplied by beta1 = 0.9 at every step, the moment of a dead unit's weight underflows to 0 some 980
# steps after its last gradient, as 0.9^980 lies below half of the smallest float32.
#
# What happens (torch 2.13.0, all three implementations): after 800 steps the moment is subnormal, and it sticks at a few
# units of 2^-149: a tenth of them rounds to nothing, so that the update leaves them as they are. 20 000 steps later it is
# not 0. torch.set_flush_denormal(True) brings it to 0.
#
# Why it matters to VAE work: with collapsing latents and relu units that die in the first epochs, a third of all weights
# of a small VAE is in that state after 1600 steps. On processors that compute subnormal numbers in microcode every later
# step pays for it: pyvae's biased-grid study fell from 880 to 340 model-steps a second between step 700 and 800 (an Intel
# family 6 model 207), and nothing in a profile of one early step shows why. The flag belongs to a thread: set in the main
# thread it does not reach threads that are there already.
#
# What it means for pyvae: pyvae/training/workers.py sets it in each of its worker threads, tests/training/test_workers.py
# holds that, and the study's first run went from 10:46 to 4:59 minutes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.6
cat > "$folder/moments.py" <<'PY'
import torch

SMALLEST_NORMAL, SMALLEST = torch.finfo(torch.float32).tiny, 2.0**-149


def moment_after(steps, **which):
    """The first moment after a step with gradient 1e-3 and `steps` without, and when it became subnormal."""
    weight = torch.ones(64, requires_grad=True)
    adam = torch.optim.Adam([weight], **which)
    subnormal_from = None
    for step in range(1 + steps):
        weight.grad = torch.full((64,), 0.0 if step else 1e-3)
        adam.step()
        moment = adam.state[weight]["exp_avg"][0].item()
        if subnormal_from is None and moment < SMALLEST_NORMAL:
            subnormal_from = step
    return moment, subnormal_from


for name, which in {"foreach=False": {"foreach": False}, "foreach=True": {"foreach": True}, "fused=True": {"fused": True}}.items():
    moment, since = moment_after(20_000, **which)
    print(f"{name}: subnormal from step {since}; after 20000 steps {moment / SMALLEST:g} * 2^-149")
    assert 0 < moment < 10 * SMALLEST and 700 < since < 850, "stays subnormal"
assert torch.set_flush_denormal(True), "this processor has the flag"
print(f"flushed: {moment_after(1_200, fused=True)[0]:g}")
assert moment_after(1_200, fused=True)[0] == 0
PY
"$folder/venv/bin/python" "$folder/moments.py"
# foreach=False: subnormal from step 742; after 20000 steps 4 * 2^-149
# foreach=True: subnormal from step 742; after 20000 steps 4 * 2^-149
# fused=True: subnormal from step 742; after 20000 steps 4 * 2^-149
# flushed: 0
echo "as described: torch 2.13.0"
