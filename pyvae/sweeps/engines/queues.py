"""Which of its jobs a machine, or a cluster, has finished with."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

OVER = ["BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"]
OVER += ["REVOKED", "TIMEOUT"]
"""States of a job that SLURM has finished with; one of which it knows no more is over, too."""
ASK_SECONDS = 10.0
"""How often SLURM is asked: it is asked by all of a cluster's users."""
ENDING_SECONDS = 5.0


class Queue(Protocol):
    """Jobs as submitit has them, of one folder of its files."""

    pause: float
    """Seconds from one look at them to the next."""

    def job(self, job_id: str) -> Any:
        """A job that another process submitted."""

    def over(self, jobs: Sequence[Any], *, once: bool) -> set[str]:
        """The ids of those that are over. `once`: what is seen a single time holds."""

    def why(self, job: Any) -> str:
        """What is known of the end of a job, in a word or none."""

    def withdraw(self, jobs: Sequence[Any]) -> None:
        """Jobs that have not begun never do."""

    def end(self, jobs: Sequence[Any]) -> None:
        """Jobs end now."""


class Squeue:
    """SLURM's. A job is over as soon as its result is there, or once SLURM has said twice in a row that it is: one that
    is begun again passes through states of its end, and files come late through NFS.
    """

    pause = 1.0

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asked = float("-inf")
        self._states: dict[str, str] = {}
        self._gone: Counter[str] = Counter()

    def job(self, job_id: str) -> Any:
        """A job that another process submitted."""
        from submitit import SlurmJob

        return SlurmJob(self._folder, job_id)

    def over(self, jobs: Sequence[Any], *, once: bool) -> set[str]:
        """By the files at each call, by squeue every ASK_SECONDS."""
        if jobs and time.monotonic() - self._asked > ASK_SECONDS:
            self._ask([job.job_id for job in jobs])
        there = set(os.listdir(self._folder))
        needed = 1 if once else 2
        return {job.job_id for job in jobs if job.paths.result_pickle.name in there or self._gone[job.job_id] >= needed}

    def why(self, job: Any) -> str:
        """SLURM's state."""
        return self._states.get(job.job_id, "")

    def withdraw(self, jobs: Sequence[Any]) -> None:
        """Leaves those that run."""
        self._cancel(jobs, "--state=PENDING")
        self._asked = float("-inf")

    def end(self, jobs: Sequence[Any]) -> None:
        """Whether they wait or run."""
        self._cancel(jobs)

    def _ask(self, ids: Sequence[str]) -> None:
        command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i %T", f"--user={os.getuid()}"]
        self._asked = time.monotonic()
        try:
            told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        except (OSError, subprocess.SubprocessError):
            return  # it does not answer just now: nothing is known
        states = dict(line.split(maxsplit=1) for line in told.splitlines() if " " in line)
        for job_id in ids:
            self._states[job_id] = states.get(job_id, self._states.get(job_id, ""))
            over = job_id not in states or states[job_id] in OVER
            self._gone[job_id] = self._gone[job_id] + 1 if over else 0

    def _cancel(self, jobs: Sequence[Any], *options: str) -> None:
        if jobs:
            with suppress(OSError, subprocess.SubprocessError):
                command = ["scancel", "--quiet", *options, *(job.job_id for job in jobs)]
                subprocess.run(command, capture_output=True, timeout=60)


class ThisMachine:
    """submitit's local processes, whose numbers are its jobs' ids. Its states say FINISHED of one that was killed."""

    pause = 0.1

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def job(self, job_id: str) -> Any:
        """A job that another process submitted."""
        from submitit import LocalJob

        return LocalJob(self._folder, job_id)

    def over(self, jobs: Sequence[Any], *, once: bool) -> set[str]:
        """Those whose process is no more."""
        return {job.job_id for job in jobs if not self._lives(job)}

    def why(self, job: Any) -> str:
        """Nothing is known."""
        return ""

    def withdraw(self, jobs: Sequence[Any]) -> None:
        """All have begun."""

    def end(self, jobs: Sequence[Any]) -> None:
        """By SIGINT to the process that looks after a job's, which then ends that one."""
        for job in jobs:
            if self._lives(job):
                with suppress(ProcessLookupError):
                    os.kill(int(job.job_id), signal.SIGINT)
        until = time.monotonic() + ENDING_SECONDS
        while any(map(self._lives, jobs)) and time.monotonic() < until:
            time.sleep(0.1)

    def _lives(self, job: Any) -> bool:
        """Also of one that another process submitted, of which submitit knows no state: by the process's arguments,
        lest it be another of the same number.
        """
        if not job.done():
            return True
        with suppress(OSError):
            arguments = Path(f"/proc/{job.job_id}/cmdline").read_bytes().split(b"\0")
            return b"submitit.local._local" in arguments and str(self._folder).encode() in arguments
        return False
