#!/usr/bin/env bash
# torch's all_gather_single, new in 2.13 in place of all_gather_into_tensor, on the CPU: of the two forms of output that
# its documentation names, gloo takes one.
#
# One would guess: the documentation says that the output is a concatenation of all processes' tensors or a stack of
# them, [processes, ...], with no word of a backend, so that a gather into a stack works on the CPU as it does on GPUs.
#
# What happens (torch 2.13.0, gloo, two processes, tensors of one to three axes): the concatenation is right; the stack
# is refused with "ProcessGroupGloo::allgather: invalid tensor size at index 0 (expected (5, 3), got (1, 5, 3))", which
# names neither the output nor the form. all_gather_into_tensor, which it stands for, does the same.
#
# Why it matters to VAE work: posteriors of all processes are what contrastive terms, total correlations over a global
# minibatch and banks of posteriors gather, and a stack keeps processes apart whose last minibatches differ in size.
# Such code is written and run on GPUs, and tested on the CPU.
#
# What it means for pyvae: PosteriorBank gathers into a concatenation and views it as a stack (pyvae/bank/processes.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.6
cat > "$folder/gather.py" <<'PY'
import multiprocessing
import socket

import torch
import torch.distributed as dist

SHAPES = ((1,), (5, 3), (2, 4, 3))


def gather(rank, port, queue):
    store = dist.TCPStore("127.0.0.1", port, 2, rank == 0)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2)
    found = {}
    for name in ("all_gather_single", "all_gather_into_tensor"):
        for shape in SHAPES:
            mine, whole = torch.full(shape, float(rank)), torch.stack([torch.zeros(shape), torch.ones(shape)])
            for form, out in (("concatenation", torch.empty(2 * shape[0], *shape[1:])), ("stack", torch.empty_like(whole))):
                try:
                    getattr(dist, name)(out, mine)
                    assert torch.equal(out.view_as(whole), whole)
                    found[name, shape, form] = "right"
                except RuntimeError as error:
                    found[name, shape, form] = str(error).splitlines()[0]
    queue.put((rank, found))
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=gather, args=(rank, port, queue)) for rank in (0, 1)]
    for process in processes:
        process.start()
    found = dict(queue.get(timeout=300) for _ in processes)
    for process in processes:
        process.join()
    assert torch.__version__.startswith("2.13.0")
    assert "(ii) a stack of all the input tensors" in dist.all_gather_single.__doc__
    for (name, shape, form), what in found[0].items():
        print(f"{name} of {list(shape)} into a {form}: {what}")
        assert (what == "right") == (form == "concatenation"), what
        assert form == "concatenation" or "invalid tensor size" in what
PY
"$folder/venv/bin/python" -W ignore "$folder/gather.py"
