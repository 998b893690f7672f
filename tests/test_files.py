import os
import subprocess
import sys

import pytest

from pyvae import files


def test_writes_whole_files_and_creates_folders(tmp_path) -> None:
    path = tmp_path / "deep" / "a.txt"
    files.atomic_write_text(path, "one")
    files.atomic_write_bytes(path, b"two")
    assert path.read_text() == "two"
    assert os.listdir(path.parent) == ["a.txt"]


def test_a_writer_that_fails_leaves_the_old_file_and_no_other(tmp_path) -> None:
    path = tmp_path / "a.txt"
    files.atomic_write_text(path, "old")
    with pytest.raises(RuntimeError), files.atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_an_operation_that_fails_leaves_the_old_file(tmp_path, monkeypatch, call) -> None:
    path = tmp_path / "a.txt"
    files.atomic_write_text(path, "old")

    def fail(*arguments):
        raise OSError("no space")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="no space"):
        files.atomic_write_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_temporaries_keep_the_suffix_and_stale_ones_go(tmp_path) -> None:
    with files.atomic_path(tmp_path / "a.png") as temporary:
        assert temporary.suffix == ".png" and temporary.parent == tmp_path
        temporary.write_text("")
    stale = tmp_path / temporary.name
    stale.write_text("left over")
    (tmp_path / ".hidden").write_text("mine")
    files.remove_stale_temporaries(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".hidden", "a.png"]


def test_a_lock_keeps_other_processes_out_and_dies_with_its_own(tmp_path) -> None:
    lock = tmp_path / "lock"
    take = "import sys; from pyvae.files import exclusive_lock\nwith exclusive_lock(sys.argv[1]): print('held')"
    other = [sys.executable, "-c", take, str(lock)]
    with files.exclusive_lock(lock):
        refused = subprocess.run(other, capture_output=True, text=True)
        assert refused.returncode != 0 and "BlockingIOError" in refused.stderr
    assert subprocess.run(other, capture_output=True, text=True).stdout == "held\n"
    die = take.replace("print('held')", "import os; os.kill(os.getpid(), 9)")
    subprocess.run([sys.executable, "-c", die, str(lock)])
    with files.exclusive_lock(lock):
        pass


def test_who_waits_for_a_lock_gets_it_when_it_is_given_back(tmp_path) -> None:
    lock = tmp_path / "lock"
    take = "import sys; from pyvae.files import exclusive_lock\nwith exclusive_lock(sys.argv[1], waits=True): print(1)"
    with files.exclusive_lock(lock):
        other = subprocess.Popen([sys.executable, "-c", take, str(lock)], stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            other.communicate(timeout=0.5)
    assert other.communicate(timeout=60)[0] == "1\n"


def test_whether_a_file_can_be_written_is_tried(tmp_path) -> None:
    assert files.why_not_writable(tmp_path / "page.html") is None
    assert files.why_not_writable(tmp_path / "not" / "yet" / "page.html") is None and not any(tmp_path.iterdir())
    assert files.why_not_writable("/proc/page.html") and files.why_not_writable("/proc/no/such/page.html")


def test_a_json_object_is_read_and_what_is_none_is_told(tmp_path) -> None:
    path = tmp_path / "a.json"
    assert files.json_object(path) is None and files.json_object(path / "below") is None
    path.write_text('{"a": 1}')
    assert files.json_object(path) == {"a": 1}
    for text in ("[1]", "{", "[" * 100_000):
        path.write_text(text)
        with pytest.raises(ValueError):
            files.json_object(path)
