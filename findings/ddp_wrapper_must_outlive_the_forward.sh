#!/usr/bin/env bash
# DistributedDataParallel, made and called in one expression: gradients are not averaged, and nothing says so.
#
# One would guess: `DistributedDataParallel(model)(x)` averages gradients over the processes like a wrapper that is kept.
# Its hooks are on the model's parameters, and the graph of the output refers to those, so both should live until the
# backward pass.
#
# What happens (torch 2.13.0, gloo, two processes): the hooks go with the wrapper. After `DDP(model)(x).backward()` each
# process holds its own gradient, bit for bit, where with `ddp = DDP(model)` kept it is the mean. No error, no warning,
# and no process waits for the other.
#
# Why it matters to VAE work: a model with several parts (encoder, decoder, a FactorVAE's discriminator) is wrapped part
# by part, and a helper that wraps what it is given for one call looks harmless. Every process then trains a model of its
# own. With a minibatch estimate of the total correlation in the loss the curves of the processes look alike all the same.
#
# What it means for pyvae: tests/nn/test_vae.py keeps the wrapper and compares with the mean of both gradients.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.6
cat > "$folder/two.py" <<'PY'
import os
import sys

import torch
from torch.nn.parallel import DistributedDataParallel


def gradient(rank):
    """The gradient that a process has by itself."""
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1)
    model(torch.full((4, 3), 1.0 + rank)).sum().backward()
    return model.weight.grad


rank, port = int(sys.argv[1]), int(sys.argv[2])
os.environ["OMP_NUM_THREADS"] = "1"
store = torch.distributed.TCPStore("127.0.0.1", port, 2, rank == 0)
torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=2)
x = torch.full((4, 3), 1.0 + rank)
torch.manual_seed(0)
kept, inline = torch.nn.Linear(3, 1), torch.nn.Linear(3, 1)
wrapper = DistributedDataParallel(kept)
wrapper(x).sum().backward()
DistributedDataParallel(inline)(x).sum().backward()
own, mean = gradient(rank), (gradient(0) + gradient(1)) / 2
print(f"process {rank}: own {own[0, 0]:g}, mean {mean[0, 0]:g}; kept {kept.weight.grad[0, 0]:g}, inline {inline.weight.grad[0, 0]:g}")
assert torch.equal(kept.weight.grad, mean), "a wrapper that is kept averages"
assert torch.equal(inline.weight.grad, own) and not torch.equal(own, mean), "one that is not kept does not"
torch.distributed.destroy_process_group()
PY
port=$("$folder/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
timeout 120 "$folder/venv/bin/python" "$folder/two.py" 1 "$port" & other=$!
timeout 120 "$folder/venv/bin/python" "$folder/two.py" 0 "$port"
wait "$other"
# process 0: own 4, mean 6; kept 6, inline 4
# process 1: own 8, mean 6; kept 6, inline 8
echo "as described: torch 2.13.0"
