"""Jobs of SLURM, submitted by submitit: one for each shard, of which so many are in the queue at a time.

A job is given a folder's name and a number, so that one that SLURM begins again goes on from the disk. Whether a job is
over its result's file and squeue say: sacct, which submitit asks, answers only where accounting is switched on, and a
state never says whether a shard is finished.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from pyvae.files import atomic_write_text
from pyvae.sweeps.engines.engine import End
from pyvae.sweeps.engines.queues import Queue, Squeue, ThisMachine
from pyvae.sweeps.engines.sbatch import parameters, parsed
from pyvae.sweeps.engines.task import Attempt, ask, ask_no_more
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.names import FOLDER, ORDER

JOBS = "jobs.json"
"""Which jobs are in the queue, in the folder SCRATCH of a sweep's, for a coordinator that comes after one that died."""
SCRATCH = "slurm"
"""Of a sweep's folder: submitit's files."""
SLOTS = 16
"""Jobs in the queue where nobody says how many: clusters let a user have some dozens at least."""
LAST_WORDS = 3
"""Lines of what a lost job printed."""
KEEPING_SECONDS = 60.0
"""For keeping what is done; SLURM gives a job 90 seconds, unless signal_delay_s says other."""


class Task:
    """What a job does. submitit pickles it: two plain values."""

    def __init__(self, shard: str, threads: int) -> None:
        self.shard, self.threads = shard, threads

    def __call__(self) -> End:
        self._attempt = Attempt(Path(self.shard), self.threads)
        return self._attempt.run()

    def checkpoint(self) -> Any:
        """Called by submitit in a job whose time is nearly up, or that has to make room: keeps what is done, and says
        what to do once SLURM begins it again.
        """
        from submitit.helpers import DelayedSubmission

        self._attempt.stop(KEEPING_SECONDS)
        return DelayedSubmission(Task(self.shard, self.threads))


class Slurm:
    """So many jobs in the queue at a time, of so many threads each.

    `options` are sbatch's, as "partition=gpu" or "exclusive"; sbatch.py has those that mean something here.
    "cluster=local" tries all of it on this machine, by submitit's own processes instead of SLURM.
    """

    def __init__(self, workers: int | None = None, threads: int | None = None, options: Sequence[str] = ()) -> None:
        """Raises SweepError where submitit is not installed, there is no sbatch, or for options that cannot be."""
        try:
            import submitit  # noqa: F401
        except ImportError:
            raise SweepError(
                "engine slurm needs submitit, which is not installed: pip install 'pyvae-torch[slurm]', or choose "
                "another engine"
            ) from None
        asked = parsed(options)
        self.threads = threads or int(asked.get("cpus_per_task", 1))
        self.local = asked.pop("cluster", "slurm") == "local"
        if not self.local and shutil.which("sbatch") is None:
            raise SweepError(
                "engine slurm needs the command sbatch, which is not on the path: run it where jobs are submitted"
            )
        self.slots = workers or (max(1, torch.get_num_threads() // self.threads) if self.local else SLOTS)
        self._parameters = parameters(asked, self.slots, self.threads)

    def opened(self, sweep: Path) -> "SlurmEngine":
        """The engine at work in a sweep's folder."""
        from submitit import AutoExecutor

        sweep = sweep.absolute()
        try:
            executor = AutoExecutor(sweep / SCRATCH, cluster="local" if self.local else "slurm")
            executor.update_parameters(**self._parameters)
        except (AssertionError, NameError, RuntimeError, TypeError, ValueError) as problem:
            raise SweepError(f"slurm must be options that submitit takes, but it says: {problem}") from None
        queue = ThisMachine(sweep / SCRATCH) if self.local else Squeue(sweep / SCRATCH)
        return SlurmEngine(sweep, self.slots, self.threads, executor, queue)


class _Job(NamedTuple):
    """A job with a digest of the order that it was submitted for."""

    job: Any
    order: str


class SlurmEngine:
    """`slots` jobs with `threads` threads each."""

    def __init__(self, sweep: Path, slots: int, threads: int, executor: Any, queue: Queue) -> None:
        self.slots = slots
        self._sweep, self._threads, self._executor, self._queue = sweep, threads, executor, queue
        self._new: list[str] = []
        self._jobs: dict[str, _Job] = {}
        self._asked = False
        self._left = self._found()
        ask_no_more(sweep)

    def start(self, shard: str) -> None:
        """With the next `wait`, so that those that start together are submitted together. A job that a coordinator
        before this one left in the queue is taken over, if it does what is to be done.
        """
        left = self._left.pop(shard, None)
        if left is None:
            self._new.append(shard)
        elif left.order == self._order(shard):
            self._jobs[shard] = left
        else:
            self._queue.end([left.job])
            self._new.append(shard)

    def wait(self, seconds: float) -> list[End]:
        """The jobs that are over, within so many seconds."""
        until = time.monotonic() + seconds
        ends = self._submit()
        while not (ends := ends or self._over()) and time.monotonic() < until:
            time.sleep(min(self._queue.pause, max(0.0, until - time.monotonic())))
        if ends:
            self._note()
        return ends

    def stop(self) -> None:
        """The file reaches jobs that run; those that wait for a machine are withdrawn."""
        if not self._asked:
            self._asked = True
            ask(self._sweep)
            self._queue.withdraw([one.job for one in self._jobs.values()])

    def close(self) -> None:
        """No job is left in the queue, and of submitit's files the logs of lost ones alone."""
        self._queue.end([one.job for one in (*self._jobs.values(), *self._left.values())])
        self._jobs, self._left = {}, {}
        self._note()
        for pattern in (".submission_file_*", f"{'?' * 32}.pkl"):  # names without a job's, as of one that was refused
            for path in (self._sweep / SCRATCH).glob(pattern):
                path.unlink(missing_ok=True)

    def _submit(self) -> list[End]:
        """Several as one array: one call of sbatch. Where it refuses none is submitted."""
        new, self._new = self._new, []
        if not new:
            return []
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        jobs = []
        try:
            with self._executor.batch():
                for shard in new:
                    jobs.append(self._executor.submit(Task(str(self._sweep / FOLDER / shard), self._threads)))
        except (FailedJobError, FailedSubmissionError, OSError) as problem:
            why = " ".join(str(problem).split())
            return [End(shard, "machine", f"no job could be submitted: {why}") for shard in new]
        for shard, job in zip(new, jobs, strict=True):
            self._jobs[shard] = _Job(job, self._order(shard))
        self._note()
        return []

    def _over(self) -> list[End]:
        over = self._queue.over([one.job for one in self._jobs.values()], once=self._asked)
        return [
            self._told(shard, self._jobs.pop(shard).job)
            for shard, one in list(self._jobs.items())
            if one.job.job_id in over
        ]

    def _told(self, shard: str, job: Any) -> End:
        """What a job that is over said; of one that said nothing what there is of it."""
        from submitit.core.utils import UncompletedJobError

        why = self._queue.why(job)
        try:
            list((self._sweep / FOLDER / shard).iterdir())  # has NFS look whether there is something new
            if job.paths.result_pickle.exists():
                end: End = job.result()
                _tidy(job)
                return end
        except (UncompletedJobError, OSError) as problem:
            why = why or type(problem).__name__
        if self._asked:
            _tidy(job)
            return End(shard, "stopped")
        job.paths.submitted_pickle.unlink(missing_ok=True)  # nobody begins it again, nor another job of its number
        words = _last_words(job.paths.stderr)
        return End(shard, "lost", f"its job {job.job_id} ended{why and f' as {why}'}{words and f', and said: {words}'}")

    def _order(self, shard: str) -> str:
        return hashlib.sha256((self._sweep / FOLDER / shard / ORDER).read_bytes()).hexdigest()

    def _note(self) -> None:
        known = {**self._left, **self._jobs}
        held = {one.job.job_id: [shard, one.order] for shard, one in known.items()}
        atomic_write_text(self._sweep / SCRATCH / JOBS, json.dumps(held, indent=0) + "\n")

    def _found(self) -> dict[str, _Job]:
        """Jobs that a coordinator before this one left, and that are in the queue still."""
        try:
            held = json.loads((self._sweep / SCRATCH / JOBS).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        jobs = {shard: _Job(self._queue.job(job_id), order) for job_id, (shard, order) in held.items()}
        over = self._queue.over([one.job for one in jobs.values()], once=True)
        for job in (one.job for one in jobs.values() if one.job.job_id in over):
            _tidy(job)
        return {shard: one for shard, one in jobs.items() if one.job.job_id not in over}


def _tidy(job: Any) -> None:
    paths = job.paths
    for path in (paths.submitted_pickle, paths.result_pickle, paths.stdout, paths.stderr, paths.submission_file):
        path.unlink(missing_ok=True)


def _last_words(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").split("\n")
    except OSError:
        return ""
    return " / ".join([line.strip() for line in lines if line.strip()][-LAST_WORDS:])
