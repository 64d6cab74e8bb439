"""Batches made ahead of their steps by other processes, so that a GPU need not wait for them."""

import resource
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar, cast

import torch
from torch.utils.data import DataLoader, Dataset

Made = TypeVar("Made", covariant=True)
DEPTH = 4
"""Batches that each worker may be ahead."""


class ByStep(Protocol[Made]):
    """Makes the batch of a step: a pure function of its number."""

    def __getitem__(self, step: int, /) -> Made: ...


class _From(Dataset[Any]):
    def __init__(self, made: ByStep[Any]) -> None:
        self.made = made

    def __getitem__(self, step: int) -> Any:
        return self.made[step]


class Ahead(Generic[Made]):
    """What `made` makes, made by `workers` processes for steps that follow each other. Another step begins anew from there."""

    def __init__(self, made: ByStep[Made], workers: int) -> None:
        self.made, self.workers = made, workers
        self._next = -1
        _open_more_files()
        self._coming: Iterator[Made] = iter(())

    def __getitem__(self, step: int) -> Made:
        if step != self._next:
            steps = range(step, 2**62)
            loader = DataLoader(
                _From(self.made), batch_size=None, sampler=cast(Any, steps), num_workers=self.workers, prefetch_factor=DEPTH,
                worker_init_fn=_alone,
            )  # fmt: skip
            self._coming, self._next = iter(loader), step
        self._next += 1
        return next(self._coming)


def _alone(worker: int) -> None:
    """One thread a worker, numpy's too: they are many, and those of several wait for each other's processors."""
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


def _open_more_files() -> None:
    """As many as the system allows: each tensor on its way from a worker takes one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
