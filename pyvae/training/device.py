"""Where a recipe is trained. It is no part of what is trained: checkpoints go from one device to another."""

from collections.abc import Mapping
from typing import Any

import torch

from pyvae.errors import UserError
from pyvae.info import why_no_cuda


def device_named(text: str) -> torch.device:
    """The device of that name, "cpu", "cuda" or "cuda:1", where it can be trained on; else UserError says why not."""
    try:
        device = torch.device(text)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"device must be cpu, cuda or a certain one such as cuda:1, got {text!r}")
    if device.type == "cpu":
        return torch.device("cpu")
    if problem := why_no_cuda():
        raise UserError(f"device {text} cannot be used: {problem}")
    if device.index is not None and device.index >= torch.cuda.device_count():
        raise UserError(f"device {text} cannot be used: there are {torch.cuda.device_count()}, counted from 0")
    return torch.device("cuda", torch.cuda.current_device() if device.index is None else device.index)


def told_device(device: torch.device) -> str:
    """The device in words: "cpu", "cuda:0 (…)" with the name of the GPU."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)


def way_of(state: Mapping[str, Any]) -> str:
    """How a checkpoint's steps were taken, of pyvae.training.chunk.STEPS; those of earlier versions do not say."""
    return str(state.get("stepping", "autograd"))


def check_way(state: Mapping[str, Any], device: torch.device) -> None:
    """Raises UserError where a checkpoint goes on by steps that the device does not have."""
    if device.type != "cpu" and way_of(state) == "fused":
        raise UserError(
            "this run takes its steps by the fused step, which is the CPU's alone, and a run keeps to its way: "
            f"device {device.type} needs a run of its own in another folder"
        )
