"""Runs and sweeps go on with the data that they began with."""

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pyvae.studies import StudyError, study_named
from pyvae.studies.data_held import DATA, PIECE, PIECES, fingerprint, hold_data
from pyvae.studies.folder import claimed
from pyvae.sweeps import run as running
from pyvae.sweeps.run import run_sweep
from tests.sweeps.here import Here
from tests.sweeps.tiny import tiny


def images(path: Path, value: float, count: int = 64) -> Path:
    np.savez(path, images=np.full((count, 16, 16), value, np.float32))
    return path


def test_a_change_anywhere_in_a_small_file_and_of_a_large_ones_size_is_seen(tmp_path) -> None:
    small = tmp_path / "small"
    for at in (0, 100_000, 999_999):
        content = bytearray(1_000_000)
        small.write_bytes(content)
        before = fingerprint(small)
        content[at] = 1
        small.write_bytes(content)
        assert fingerprint(small) != before
    large = tmp_path / "large"
    large.write_bytes(bytes(2 * PIECES * PIECE))
    before = fingerprint(large)
    large.write_bytes(bytes(2 * PIECES * PIECE + 1))
    assert fingerprint(large) != before and len(before) == 16


def test_a_folder_is_known_by_the_names_and_sizes_in_it(tmp_path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "1.png").write_bytes(b"12")
    before = fingerprint(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "c")
    assert fingerprint(tmp_path / "c") == before
    (tmp_path / "c" / "2.png").write_bytes(b"")
    assert fingerprint(tmp_path / "c") != before


def test_data_that_are_as_they_were_pass_and_more_may_come(tmp_path) -> None:
    one, two = images(tmp_path / "one.npz", 0.0), images(tmp_path / "two.npz", 0.0)
    hold_data(tmp_path, [str(one)])
    written = (tmp_path / DATA).stat().st_mtime_ns
    hold_data(tmp_path, [str(one)])
    hold_data(tmp_path, [str(tmp_path / "nowhere")])
    assert (tmp_path / DATA).stat().st_mtime_ns == written
    hold_data(tmp_path, [str(one), str(two)])
    images(two, 1.0)
    with pytest.raises(StudyError, match=f"data_path must hold what it did .* but {two} has changed"):
        hold_data(tmp_path, [str(two)])
    (tmp_path / DATA).write_text("[")
    with pytest.raises(StudyError, match=r"data.json is damaged, delete it if"):
        hold_data(tmp_path, [str(two)])


def test_a_run_is_refused_whose_data_have_changed(tmp_path) -> None:
    study, path = study_named("vae"), images(tmp_path / "x.npz", 0.0)
    config = study.preset("quick").replaced(data="arrays", data_path=str(path))
    with claimed(study, config, tmp_path / "run", resume=False):
        pass
    images(path, 1.0)
    with (
        pytest.raises(StudyError, match=f"but {path} has changed"),
        claimed(study, config, tmp_path / "run", resume=True),
    ):
        pass


def test_a_sweep_does_not_grow_by_models_of_other_data(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(running, "_report", lambda folder, console: None)
    path, console = images(tmp_path / "x.npz", 0.0), Console(file=io.StringIO())

    def sweep(seeds: list[int]) -> None:
        config = tiny({"seeds": seeds}, data="arrays", data_path=str(path), strengths=[1.0])
        run_sweep(config, tmp_path / "sweep", engine=Here(), console=console, shard_size=4)

    sweep([0])
    images(path, 1.0)
    with pytest.raises(StudyError, match=f"but {path} has changed"):
        sweep([0, 1])
    images(path, 0.0)
    sweep([0, 1])
