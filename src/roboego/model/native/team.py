"""Threads that work on one compiled function together and meet at barriers inside it, far cheaper than a parallel loop each time."""
# T members of the team

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from queue import SimpleQueue
from typing import Any

import numpy as np
import torch
from numba import types
from numba.extending import intrinsic

from roboego.model.native.compiling import compiled

_yield = types.ExternalFunction("sched_yield", types.int32())
SPINS = 20_000
"""Looks at the others before a waiting member lets other programs have its core."""
LOOKS = 500_000
"""Looks at whether there is more work before a member falls asleep."""
LINE = 8
"""Counters of 8 bytes in a line of a core's cache: each member writes to a line of its own."""


@intrinsic
def _load(typingctx: Any, counters: Any, place: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.load_atomic(builder.gep(data, [args[1]]), "acquire", 8)

    return types.int64(counters, types.int64), generate


@intrinsic
def _store(typingctx: Any, counters: Any, place: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        builder.store_atomic(args[2], builder.gep(data, [args[1]]), "release", 8)
        return context.get_dummy_value()

    return types.void(counters, types.int64, types.int64), generate


@compiled
def meet(me: int, team: int, beats: Any) -> bool:
    """Waits until every member has come here as often as this one. False: the work was broken off."""
    if team == 1:
        return True
    mine = _load(beats, me * LINE) + 1
    _store(beats, me * LINE, mine)
    for other in range(team):
        spins = 0
        while _load(beats, other * LINE) < mine:
            if _load(beats, team * LINE):
                return False
            spins += 1
            if spins > SPINS:
                _yield()
    return True


@compiled
def _look_out(posted: Any, done: int) -> None:
    """Looks for more work for about a millisecond: falling asleep and waking up would cost as much as a small step."""
    for _ in range(LOOKS):
        if _load(posted, 0) > done:
            return


def keep_to_own_processor(me: int, team: int) -> None:
    """Where a team has all processors, keeps this thread to one: when woken, it would otherwise often queue up behind the caller."""
    if hasattr(os, "sched_setaffinity") and len(processors := sorted(os.sched_getaffinity(0))) == team:
        os.sched_setaffinity(threading.get_native_id(), {processors[me]})


class Team:
    """A caller and T - 1 threads that wait for it.

    Attributes:
        beats: [(T + 1) * LINE] how often each member has met the others; behind them a mark that the work was broken off.
        posted: [1] how often there has been work.
    """

    def __init__(self, members: int) -> None:
        self.members = members
        self.beats = np.zeros((members + 1) * LINE, np.int64)
        self.posted = np.zeros(1, np.int64)
        self._busy = threading.Lock()
        self._work: list[SimpleQueue[Any]] = [SimpleQueue() for _ in range(members - 1)]
        for me, queue in enumerate(self._work, start=1):
            threading.Thread(target=self._serve, args=(me, queue), name=f"step-{me}", daemon=True).start()

    def _serve(self, me: int, queue: "SimpleQueue[Any]") -> None:
        keep_to_own_processor(me, self.members)
        for done in count():
            if done:
                _look_out(self.posted, done)
            function, args = queue.get()
            try:
                function(me, self.members, self.beats, *args)
            except BaseException:
                self._break_off()
                raise

    def _break_off(self) -> None:
        """Lets everybody leave. The next step gets a new team: who has met whom is no longer known."""
        self.beats[-LINE] = 1
        team_of.cache_clear()

    def run(self, function: Callable[..., Any], *args: Any) -> None:
        """Calls `function(me, T, beats, *args)` for every member at once. The function ends with a meeting.

        Raises:
            RuntimeError: a member failed.
        """
        with self._busy:
            try:
                for queue in self._work:
                    queue.put((function, args))
                self.posted[0] += 1
                function(0, self.members, self.beats, *args)
            except BaseException:
                self._break_off()
                raise
            if self.beats[-LINE]:
                raise RuntimeError("a thread of the step failed; its message stands above")


@cache
def team_of(members: int) -> Team:
    """The team of this size. There is one in a process, whose steps take turns."""
    return Team(members)


@contextmanager
def torch_on_one_thread() -> Iterator[None]:
    """Inside, torch calculates on the calling thread alone: between its operations its other threads would spin on the team's cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=team_of.cache_clear)
