"""Several processes that train one model: each learns from rows of its own, and all take the mean of their gradients.

Each of several GPUs has a process, or each of several machines; torchrun starts them and tells each its place in the environment.
"""

import atexit
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from roboego.errors import InputError

PATIENCE = timedelta(hours=2)
"""How long the others wait while the first one validates."""


@dataclass(frozen=True, kw_only=True)
class Crew:
    """This process among those that train together.

    Attributes:
        rank: its place, from 0; the first one validates, saves and tells.
        size: how many there are.
        place: its place on this machine.
    """

    rank: int = 0
    size: int = 1
    place: int = 0

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def share(self, rows: int) -> range:
        """Which of so many rows are this process's.

        Raises:
            InputError: they cannot be shared equally.
        """
        if rows % self.size:
            raise InputError(f"{rows} rows cannot be shared by {self.size} processes; start as many as divide them")
        return range(self.rank, rows, self.size)

    def device(self, wanted: str) -> torch.device:
        """The device that was asked for: of "cuda", each process its own."""
        return torch.device(f"cuda:{self.place}" if wanted == "cuda" and self.size > 1 else wanted)

    def average(self, parameters: Iterable[Tensor]) -> None:
        """Makes each gradient the mean of all processes'; where one has none, it counts as zero."""
        if self.size == 1:
            return
        trained = list(parameters)
        for p in trained:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        gradients = [p.grad for p in trained if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):  # type: ignore[no-untyped-call]
            gradient.copy_(part.view_as(gradient))

    def exchange(self, parts: Sequence[Tensor], owners: Sequence[int]) -> None:
        """Gives each of these tensors, of one type, the values that its owner's has, in all processes."""
        if self.size == 1:
            return
        for rank in range(self.size):
            owned = [part for part, owner in zip(parts, owners, strict=True) if owner == rank]
            if not owned:
                continue
            flat = torch.cat([part.flatten() for part in owned])
            dist.broadcast(flat, rank)
            for part, told in zip(owned, flat.split([part.numel() for part in owned]), strict=True):  # type: ignore[no-untyped-call]
                part.copy_(told.view_as(part))

    def agree(self, stop: Sequence[bool], device: torch.device) -> bool:
        """Whether any process has been told to stop."""
        if self.size == 1:
            return bool(stop)
        told = torch.tensor([float(bool(stop))], device=device)
        dist.all_reduce(told)
        return bool(told.item())

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            dist.barrier()


ALONE = Crew()


def join(device: str) -> Crew:
    """The processes that torchrun has started; this one alone, if it has not.

    Raises:
        InputError: these processes cannot meet.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return ALONE
    if not dist.is_initialized():
        try:
            dist.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=PATIENCE)
        except (ValueError, RuntimeError) as error:
            raise InputError(f"WORLD_SIZE is {size}, but the processes cannot meet ({error}); start them with torchrun") from error
        atexit.register(dist.destroy_process_group)  # a process whose threads still talk to others when it ends may break off
    return Crew(rank=dist.get_rank(), size=size, place=int(os.environ.get("LOCAL_RANK", "0")))
