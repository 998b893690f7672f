#!/usr/bin/env bash
# torch's transposed convolution on the CPU: in channels_last the gradient of its bias takes longer than that of its
# weight.
#
# One would guess: channels_last is the layout that convolutions are fastest in, and a bias's gradient is a sum over
# images and pixels, of which the gradient of the weight leaves nothing to notice.
#
# What happens (torch 2.13.0, one thread, 64 images, 32 to 32 channels, 4 x 4, stride 2, from 16 x 16): with the weight's
# gradient alone the backward pass is about as fast in either layout. Asked for the bias's too, it stays the same in the
# contiguous layout and takes more than twice as long in channels_last; `grad.sum((0, 2, 3))` of the same tensor takes
# less than a fifth of the difference (0.3 ms of 9, seen on an Intel family 6 model 207).
#
# Why it matters to VAE work: every convolutional decoder is made of these layers, each with its bias. Who moves one to
# channels_last for its speed pays more for the biases' gradients than for the weights'.
#
# What it means for pyvae: StackedConvTranspose2d calls the library without a bias and adds it apart
# (pyvae/nn/convolutions.py); benchmarks/train/bench_convolutions.py measures the whole.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.6
cat > "$folder/bias.py" <<'PY'
import time

import torch
from torch import nn

TURNS = 25
torch.set_num_threads(1)
torch.manual_seed(0)
layer = nn.ConvTranspose2d(32, 32, 4, stride=2, padding=1)


def fastest(call):
    times = []
    for _ in range(TURNS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


over_weight = {}
for name, layout in (("contiguous", torch.contiguous_format), ("channels_last", torch.channels_last)):
    y = layer(torch.randn(64, 32, 16, 16).contiguous(memory_format=layout))
    grad = torch.randn_like(y)
    weight = fastest(lambda: torch.autograd.grad(y, [layer.weight], grad, retain_graph=True))
    both = fastest(lambda: torch.autograd.grad(y, [layer.weight, layer.bias], grad, retain_graph=True))
    by_sum = fastest(lambda: grad.sum((0, 2, 3)))
    over_weight[name] = both / weight
    print(f"{name}: weight {weight:.1f} ms, weight and bias {both:.1f} ms, the bias's as a sum {by_sum:.2f} ms")
    if name == "channels_last":
        assert both - weight > 5 * by_sum
assert torch.__version__.startswith("2.13.0")
assert over_weight["contiguous"] < 1.3 and over_weight["channels_last"] > 1.6, over_weight
PY
"$folder/venv/bin/python" "$folder/bias.py"
