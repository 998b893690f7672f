"""sbatch, srun, squeue and scancel of one machine, for tests: what a program of these names is a link to.

The folder that FAKE_SLURM names holds a file for each job with the number of its process, 0 for one that waits, and the
scripts that were submitted. Where it holds a file `hold` jobs wait for ever.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

NAMES = ("sbatch", "srun", "squeue", "scancel")


def installed(folder: Path) -> Path:
    """Makes the programs, and returns the folder for PATH."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    (folder / "jobs").mkdir()
    for name in NAMES:
        path = programs / name
        path.write_text(f'#!/bin/sh\nFAKE_SLURM="{folder}" exec "{sys.executable}" -S "{__file__}" {name} "$@"\n')
        path.chmod(0o755)
    return programs


def sbatch(jobs: Path, script: str) -> None:
    text = Path(script).read_text()
    if "--partition=full" in text:
        sys.exit("sbatch: error: Batch job submission failed: QOSMaxSubmitJobPerUserLimit")
    number = 1 + max((int(path.name.partition("_")[0]) for path in jobs.iterdir()), default=0)
    (jobs.parent / f"{number}.sh").write_text(text)
    array = re.search(r"--array=0-(\d+)%", text)
    for k in range(int(array[1]) + 1) if array else (None,):
        name = f"{number}" if k is None else f"{number}_{k}"
        within = {"SLURM_JOB_ID": str(number)} | ({} if k is None else {"SLURM_ARRAY_JOB_ID": str(number)})
        within |= {} if k is None else {"SLURM_ARRAY_TASK_ID": str(k)}
        (jobs / name).write_text(str(0 if (jobs.parent / "hold").exists() else begun(text, within)))
    print(f"Submitted batch job {number}")


def begun(text: str, within: dict[str, str]) -> int:
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(
        ["bash", "-c", text], env=os.environ | within, start_new_session=True, stdout=nothing, stderr=nothing
    )
    return process.pid


def srun(jobs: Path, *words: str) -> None:
    number, array = os.environ["SLURM_JOB_ID"], os.environ.get("SLURM_ARRAY_TASK_ID", "")
    options = dict(zip(words[1:5:2], words[2:6:2], strict=True))  # after --unbuffered
    for descriptor, option in ((1, "--output"), (2, "--error")):
        path = options[option].replace("%j", number).replace("%A", number).replace("%a", array).replace("%t", "0")
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
    os.execvp(words[5], words[5:])


def squeue(jobs: Path, *words: str) -> None:
    assert set(words) == {"--noheader", "--array", "--states=all", "--format=%i %T", f"--user={os.getuid()}"}, words
    for path in sorted(jobs.iterdir()):
        process = int(path.read_text())
        if not process or Path(f"/proc/{process}/cmdline").exists():
            print(path.name, "RUNNING" if process else "PENDING")


def scancel(jobs: Path, *words: str) -> None:
    for name in (word for word in words if not word.startswith("--")):
        process = int((jobs / name).read_text())
        if process and "--state=PENDING" not in words:
            try:
                os.killpg(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not process:
            (jobs / name).unlink()


if __name__ == "__main__":
    {"sbatch": sbatch, "srun": srun, "squeue": squeue, "scancel": scancel}[sys.argv[1]](
        Path(os.environ["FAKE_SLURM"]) / "jobs", *sys.argv[2:]
    )
