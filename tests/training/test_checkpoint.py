import os
import random

import pytest
import torch

from pyvae import files
from pyvae.errors import Interrupted
from pyvae.training.checkpoint import CheckpointError, Checkpoints
from pyvae.training.train import train
from tests.training.recipes import grid_recipe as grid
from tests.training.test_train import assert_same


def content(value: float) -> dict[str, torch.Tensor]:
    return {"a": torch.full((50,), value), "b": torch.arange(6, dtype=torch.int64)}


def loaded(folder) -> float | None:
    """What is read back: the value `content` was made of, after checking that tensors and state belong together."""
    found = Checkpoints(folder).load()
    if found is None:
        return None
    tensors, state = found
    assert torch.equal(tensors["a"], torch.full((50,), state["value"])) and tensors["b"].tolist() == list(range(6))
    return state["value"]


def two_checkpoints(folder) -> Checkpoints:
    checkpoints = Checkpoints(folder)
    checkpoints.save(content(1.0), {"value": 1.0})
    checkpoints.save(content(2.0), {"value": 2.0})
    return checkpoints


def current_weights(folder) -> str:
    """The weights that only the newest manifest names."""
    text = (folder / "current.manifest").read_text()
    return next(name for name in os.listdir(folder) if name.endswith(".safetensors") and name in text)


def test_nothing_saved_is_nothing_loaded(tmp_path) -> None:
    assert loaded(tmp_path / "none") is None and not Checkpoints(tmp_path / "none").exists()


def test_the_last_two_are_kept(tmp_path) -> None:
    checkpoints = two_checkpoints(tmp_path)
    checkpoints.save(content(3.0), {"value": 3.0})
    assert loaded(tmp_path) == 3.0 and checkpoints.exists()
    assert len(os.listdir(tmp_path)) == 4
    (tmp_path / "current.manifest").unlink()
    assert loaded(tmp_path) == 2.0


@pytest.mark.parametrize("which", ["manifest", "weights"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "zeros", "missing", "append"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, which, damage) -> None:
    two_checkpoints(tmp_path)
    path = tmp_path / ("current.manifest" if which == "manifest" else current_weights(tmp_path))
    data = path.read_bytes()
    place = len(data) // 2
    damaged = {
        "flip": data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :],
        "truncate": data[:place],
        "empty": b"",
        "zeros": data[:place] + bytes(16) + data[place + 16 :],
        "missing": None,
        "append": data + b"\0",
    }[damage]
    path.unlink() if damaged is None else path.write_bytes(damaged)
    assert loaded(tmp_path) == 1.0


def test_every_flipped_bit_is_found(tmp_path) -> None:
    two_checkpoints(tmp_path)
    generator = random.Random(0)
    for path in (tmp_path / "current.manifest", tmp_path / current_weights(tmp_path)):
        data = path.read_bytes()
        for _ in range(100):
            flipped = bytearray(data)
            flipped[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
            path.write_bytes(flipped)
            assert loaded(tmp_path) == 1.0
        path.write_bytes(data)
    assert loaded(tmp_path) == 2.0


def test_a_damaged_checkpoint_never_becomes_the_previous_one(tmp_path) -> None:
    two_checkpoints(tmp_path)
    (tmp_path / current_weights(tmp_path)).write_bytes(b"damaged")
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.load()[1] == {"value": 1.0}
    checkpoints.save(content(3.0), {"value": 3.0})
    assert loaded(tmp_path) == 3.0
    (tmp_path / current_weights(tmp_path)).write_bytes(b"damaged too")
    assert loaded(tmp_path) == 1.0


def test_when_all_are_damaged_it_says_so(tmp_path) -> None:
    two_checkpoints(tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match=r"no intact checkpoint in .*: current.manifest: the manifest does not"):
        loaded(tmp_path)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failing_disk_leaves_a_checkpoint_whichever_operation_fails(tmp_path, monkeypatch, call) -> None:
    real = getattr(os, call)
    for failing in range(20):
        folder = tmp_path / str(failing)
        checkpoints = two_checkpoints(folder)
        calls = iter(range(100))

        def operation(*arguments, calls=calls, failing=failing):
            if next(calls) == failing:
                raise OSError("no space")
            return real(*arguments)

        monkeypatch.setattr(files.os, call, operation)
        try:
            checkpoints.save(content(3.0), {"value": 3.0})
        except OSError:
            assert loaded(folder) in (2.0, 3.0)
        else:
            assert failing > 2
            break
        finally:
            monkeypatch.setattr(files.os, call, real)
        checkpoints.save(content(4.0), {"value": 4.0})
        assert loaded(folder) == 4.0
    else:
        pytest.fail("saving never came through")


@pytest.mark.parametrize("patience", ["none", "1"])
@pytest.mark.parametrize("every", [1, 3, 7])
def test_training_stopped_again_and_again_ends_with_the_same_bits(tmp_path, patience, every, step_by_step) -> None:
    recipe = grid(f"patience={patience}", "validate_every=4", "learning_rate=0.02", "steps=29")
    reference = train(recipe)
    for _ in range(40):
        steps = iter(range(100))
        try:
            trained = train(
                recipe, checkpoints=Checkpoints(tmp_path), should_stop=lambda steps=steps: next(steps) == every
            )
        except Interrupted:
            continue
        break
    assert_same(trained, reference)
    assert_same(train(recipe, checkpoints=Checkpoints(tmp_path)), reference)


def test_sizes_of_any_kind_resume_with_the_same_bits(tmp_path, step_by_step) -> None:
    recipe = grid("hidden=33,17", "batch_size=7", "patience=1", "validate_every=4", "learning_rate=0.02")
    steps = iter(range(100))
    with pytest.raises(Interrupted):
        train(recipe, checkpoints=Checkpoints(tmp_path), should_stop=lambda: next(steps) == 11)
    assert_same(train(recipe, checkpoints=Checkpoints(tmp_path)), train(recipe))


def test_checkpoints_come_as_often_as_asked(tmp_path) -> None:
    saves = []
    train(
        grid("checkpoint_seconds=1e-9", "steps=5"),
        checkpoints=Checkpoints(tmp_path),
        on_checkpoint=lambda training: saves.append(training.step),
    )
    assert saves == [1, 2, 3, 4, 5]
