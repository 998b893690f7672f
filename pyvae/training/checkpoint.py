"""Checkpoints that are whole, verified, and run no code when read.

A checkpoint is a safetensors file of weights and a small JSON manifest that names it with its SHA-256; the
manifest carries a digest of itself. The manifest's rename is the moment a checkpoint comes into being, so a
crash anywhere leaves the old one or the new one. `current.manifest` falls back to `previous.manifest`; only a
manifest known to be good becomes previous.
"""

import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from pyvae.errors import UserError
from pyvae.files import atomic_path, atomic_write_bytes, remove_stale_temporaries

CURRENT, PREVIOUS = "current.manifest", "previous.manifest"
FORMAT = 1
_READ_BYTES = 1 << 22


class CheckpointError(UserError):
    """There are checkpoints, and none of them is intact."""


class Checkpoints:
    """The checkpoints in a folder. One writer at a time: the lock of the run's folder sees to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._good: bytes | None = None
        """Text of the newest manifest that this process wrote or found intact."""

    def exists(self) -> bool:
        """Whether the folder holds a checkpoint, good or damaged."""
        return any((self.folder / name).exists() for name in (CURRENT, PREVIOUS))

    def save(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Writes a checkpoint. OSError leaves the one before in place."""
        name = f"weights-{secrets.token_hex(8)}.safetensors"
        with atomic_path(self.folder / name) as temporary:
            safetensors.torch.save_file(tensors, temporary)
            digest = _sha256(temporary)
        body = {"format": FORMAT, "weights": name, "sha256": digest, "state": state}
        manifest = _sealed(body)
        if self._good is not None:
            atomic_write_bytes(self.folder / PREVIOUS, self._good)
        atomic_write_bytes(self.folder / CURRENT, manifest)
        self._good = manifest
        self._remove_unnamed()

    def clean(self) -> None:
        """Removes what writers that died left; to be called by the one writer only."""
        remove_stale_temporaries(self.folder)

    def state(self) -> dict[str, Any] | None:
        """The state of the newest manifest that is intact, without reading its weights; None where there is none."""
        for name in (CURRENT, PREVIOUS):
            try:
                state: dict[str, Any] = _opened((self.folder / name).read_bytes())["state"]
            except (FileNotFoundError, ValueError):
                continue
            return state
        return None

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """(tensors, state) of the newest intact checkpoint, or None when there never was one.

        CheckpointError when there are checkpoints and all are damaged.
        """
        problems = []
        for name in (CURRENT, PREVIOUS):
            try:
                manifest = (self.folder / name).read_bytes()
                body = _opened(manifest)
                weights = (self.folder / body["weights"]).read_bytes()
                if hashlib.sha256(weights).hexdigest() != body["sha256"]:
                    raise ValueError(f"{body['weights']} does not match its SHA-256")
            except FileNotFoundError as missing:
                problems.append(f"{Path(missing.filename).name} is missing")
                continue
            except ValueError as damage:
                problems.append(f"{name}: {damage}")
                continue
            self._good = manifest
            return safetensors.torch.load(weights), body["state"]
        if self.exists():
            raise CheckpointError(f"no intact checkpoint in {self.folder}: {'; '.join(problems)}")
        return None

    def _remove_unnamed(self) -> None:
        """Removes weights that neither manifest names."""
        named = set()
        for name in (CURRENT, PREVIOUS):
            try:
                named.add(_opened((self.folder / name).read_bytes())["weights"])
            except (FileNotFoundError, ValueError):
                continue
        for path in self.folder.glob("weights-*.safetensors"):
            if path.name not in named:
                path.unlink(missing_ok=True)


def _sealed(body: dict[str, Any]) -> bytes:
    """The manifest's bytes: first line the SHA-256 of the rest, then JSON."""
    text = json.dumps(body, indent=1, sort_keys=True).encode()
    return hashlib.sha256(text).hexdigest().encode() + b"\n" + text


def _opened(manifest: bytes) -> dict[str, Any]:
    """The body of `_sealed`'s bytes; ValueError if a bit of them changed, or another version wrote them."""
    digest, _, text = manifest.partition(b"\n")
    if hashlib.sha256(text).hexdigest().encode() != digest:
        raise ValueError("the manifest does not match its SHA-256")
    body: dict[str, Any] = json.loads(text)
    if body["format"] != FORMAT:
        raise ValueError(f"format {body['format']} is not the format {FORMAT} of this version")
    return body


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
