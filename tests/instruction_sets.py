"""Where ops run here: the instruction sets that this build holds and this processor has, best first, and the GPU."""

import torch

from pyvae import _library

INSTRUCTION_SETS = [name for name, has in _library.build_facts()["cpu_instruction_sets"].items() if has]
BEST = INSTRUCTION_SETS[0]

CUDA = "cuda"
DEVICES = ["cpu", CUDA] if torch.cuda.is_available() else ["cpu"]
