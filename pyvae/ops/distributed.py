"""The ops of single rows and elements on distributed tensors (DTensor of torch): each process works on its own part.

Nothing is sent where all tensors have one placement and a seed is given. The noise is that of the whole tensor: element
k of a stream is what it is without a mesh, whichever process holds it. A kernel begins a stream at its first element,
so who holds a part from the middle of one draws what comes before it, too, and leaves it out.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Placement, Replicate, Shard
from torch.nn.functional import pad

from pyvae.ops.arguments import broadcast_shape
from pyvae.ops.seeds import seed_tensor


class Shards:
    """This process's parts of DTensors that broadcast, all of them parts of the same box of the common shape.

    On each axis of the mesh the first tensor that is sharded there decides how all are; what is Partial is reduced.

    Args:
        tensors: by the names that errors give them; the mesh is the first one's.

    Raises:
        TypeError: for one that is no DTensor.
        ValueError: for shapes that do not broadcast, another mesh or one without this process, and placements other
            than Shard, Replicate and Partial.
    """

    def __init__(self, **tensors: Any) -> None:
        self.mesh: DeviceMesh = next(iter(tensors.values())).device_mesh
        for name, tensor in tensors.items():
            _check(name, tensor, next(iter(tensors)), self.mesh)
        self.shape = broadcast_shape(**tensors)
        shardings = zip(*(_sharded_axes(tensor, self.shape) for tensor in tensors.values()), strict=True)
        self._axes = [next((axis for axis in axes if axis is not None), None) for axes in shardings]
        self.placements = [Replicate() if axis is None else Shard(axis) for axis in self._axes]
        self.starts, self.sizes = self._box()
        self.local = {name: self._part(tensor) for name, tensor in tensors.items()}

    def sampled(self, op: Any, seed: int | Tensor | None, generator: torch.Generator | None) -> list[Tensor]:
        """What an op with noise makes of this process's parts, as it would make it of the whole: its results."""
        whole_seed = self._agreed(seed, generator)
        local_seed = whole_seed
        for axis in range(whole_seed.dim()):
            local_seed = local_seed.narrow(axis, self.starts[axis], self.sizes[axis])
        unused = self._unused(whole_seed.dim())
        padding = [width for before_and_after in reversed(unused) for width in before_and_after]
        parts = torch.broadcast_tensors(*self.local.values())
        if any(padding):
            parts = [pad(part, padding) for part in parts]
        results = op(*parts, seed=local_seed)
        return [self._cut(result, unused) for result in ([results] if isinstance(results, Tensor) else results)]

    def whole(self, part: Tensor) -> Tensor:
        """The DTensor of the common shape that this is the part of."""
        return self._assembled(part, self.shape, self.placements)

    def whole_sum(self, part: Tensor) -> Tensor:
        """The DTensor without the last axis that this is the part of: where that axis is sharded, sums are Partial."""
        last = len(self.shape) - 1
        placements = [Partial() if axis == last else self.placements[k] for k, axis in enumerate(self._axes)]
        return self._assembled(part, self.shape[:-1], placements)

    def _assembled(self, part: Tensor, shape: Sequence[int], placements: Sequence[Placement]) -> Tensor:
        size, stride = torch.Size(shape), torch.empty(shape, device="meta").stride()
        return DTensor.from_local(part, self.mesh, placements, run_check=False, shape=size, stride=stride)

    def _box(self) -> tuple[list[int], list[int]]:
        """Where this process's part begins, and its sizes: torch.chunk's pieces, from the mesh's first axis on."""
        coordinate = self.mesh.get_coordinate()
        assert coordinate is not None  # refused
        starts, sizes = [0] * len(self.shape), list(self.shape)
        for mesh_axis, axis in enumerate(self._axes):
            if axis is not None:
                piece = -(-sizes[axis] // self.mesh.size(mesh_axis))
                begin = min(piece * coordinate[mesh_axis], sizes[axis])
                starts[axis] += begin
                sizes[axis] = min(piece, sizes[axis] - begin)
        return starts, sizes

    def _part(self, tensor: DTensor) -> Tensor:
        """This process's part. A tensor that is repeated along a sharded axis gets a gradient that is yet to be summed
        over it.
        """
        placements: list[Placement] = []
        gradient: list[Placement] = []
        for axis in self._axes:
            own = None if axis is None else _own_axis(tensor, axis, self.shape)
            placements.append(Replicate() if own is None else Shard(own))
            gradient.append(Partial() if axis is not None and own is None else placements[-1])
        return tensor.redistribute(placements=placements).to_local(grad_placements=gradient)

    def _agreed(self, seed: int | Tensor | None, generator: torch.Generator | None) -> Tensor:
        """The seed of the whole tensor, the same in every process: without one, the first process of the mesh draws."""
        if isinstance(seed, DTensor):
            seed = seed.full_tensor()
        like = next(iter(self.local.values())).new_empty(()).expand(self.shape)
        agreed = seed_tensor(seed, generator, like)
        if seed is None:
            for axis in range(self.mesh.ndim):
                dist.broadcast(agreed, group=self.mesh.get_group(axis), group_src=0)
        return agreed

    def _unused(self, first: int) -> list[tuple[int, int]]:
        """For each axis how many elements before and after this part its streams, over the axes from `first` on, have
        to go through. What comes after the last element needs no drawing.
        """
        widths = [(0, 0)] * len(self.shape)
        if 0 not in self.sizes:
            for axis in range(first, len(self.shape)):
                start, size = self.starts[axis], self.sizes[axis]
                widths[axis] = (start, 0 if axis == first else self.shape[axis] - start - size)
        return widths

    def _cut(self, result: Tensor, unused: Sequence[tuple[int, int]]) -> Tensor:
        """A result without what is unused; one that is summed over the last axis has nothing of it there, but zeros in
        its sums: what was filled in are standard normals.
        """
        for axis in range(result.dim()):
            result = result.narrow(axis, unused[axis][0], self.sizes[axis])
        return result


def _check(name: str, tensor: Any, first_name: str, mesh: DeviceMesh) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name} must be a tensor, got {type(tensor).__name__}.")
    if not isinstance(tensor, DTensor):
        raise TypeError(
            f"{name} must be a DTensor as {first_name} is, got a plain tensor: torch.distributed.tensor."
            f"distribute_tensor({name}, mesh, placements) makes one of it."
        )
    if tensor.device_mesh != mesh:
        raise ValueError(f"{name} must be on the mesh of {first_name}, {mesh}, got {tensor.device_mesh}.")
    if mesh.get_coordinate() is None:
        raise ValueError(f"{name} must be on a mesh that this process is part of, got {mesh}.")
    for placement in tensor.placements:
        if not (type(placement) is Shard or placement.is_replicate() or placement.is_partial()):
            raise ValueError(
                f"{name} must be placed by Shard, Replicate or Partial, got {placement}: {name}.redistribute changes "
                "that."
            )


def _sharded_axes(tensor: DTensor, shape: Sequence[int]) -> list[int | None]:
    """For each axis of the mesh the axis of the common shape that this tensor is sharded on."""
    missing = len(shape) - tensor.dim()
    axes = [placement.dim + missing if isinstance(placement, Shard) else None for placement in tensor.placements]
    return [axis if axis is not None and _own_axis(tensor, axis, shape) is not None else None for axis in axes]


def _own_axis(tensor: Tensor, axis: int, shape: Sequence[int]) -> int | None:
    """The tensor's axis that is this one of the common shape; None where the tensor is repeated along it."""
    own = axis - len(shape) + tensor.dim()
    return own if own >= 0 and tensor.shape[own] == shape[axis] else None
