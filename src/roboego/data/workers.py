"""Shards made by several processes at once; what is there already is left alone, so a command that was stopped goes on."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol, TypeVar

from threadpoolctl import threadpool_limits

Progress = Callable[[int, int], None]


class Job(Protocol):
    """Something that makes the file `out`."""

    @property
    def out(self) -> Path: ...


AnyJob = TypeVar("AnyJob", bound=Job)


def _alone() -> None:
    """Lets a process compute with one thread. Torch has to be told by itself: MKL is built into it."""
    import torch

    threadpool_limits(1)
    torch.set_num_threads(1)


def make_all(
    jobs: Sequence[AnyJob], make: Callable[[AnyJob], Path], *, workers: int, progress: Progress = lambda done, total: None
) -> None:
    """Makes the missing shards in `workers` processes. `progress(done, total)` is called after each.

    They are forked from a process that does nothing else: what holds a lock in a thread of this one would hold it in them for ever.

    A worker computes with one thread: those of several, waiting for each other's processors, took five times as long.
    """
    missing = [job for job in jobs if not job.out.exists()]
    progress(len(jobs) - len(missing), len(jobs))
    with ProcessPoolExecutor(workers, get_context("forkserver"), initializer=_alone) as pool:
        futures = [pool.submit(make, job) for job in missing]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                progress(len(jobs) - len(missing) + done, len(jobs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
