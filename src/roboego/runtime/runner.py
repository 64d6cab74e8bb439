"""Drives sessions from sources of frames, by the clock or as fast as possible."""

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from roboego.errors import InputError
from roboego.runtime.clock import FrameClock
from roboego.runtime.engine import Engine
from roboego.runtime.frame import Frame, SessionError, StepIn
from roboego.runtime.session import Session
from roboego.timebase import FRAME_SAMPLES

Source: TypeAlias = Iterable["StepIn | NDArray[np.float32] | None"]
"""What a session is given, frame by frame: sound, None for silence, or more in a `StepIn`."""
Results: TypeAlias = dict[Session, Frame | SessionError]


def play(engine: Engine, sources: Mapping[Session, Source], clock: FrameClock | None = None) -> Iterator[Results]:
    """Steps sessions together until all sources are at their end; a session whose source ends is left as it is.

    A session whose source breaks down, or which is closed over a failure, drops out; the others go on. Input that cannot be used costs
    its session that frame alone.

    Args:
        clock: sets the pace; None runs as fast as possible.
    Yields:
        After each tick what became of the sessions.
    """
    clock = clock or FrameClock(realtime=False)
    with steady_garbage() if clock.realtime else nullcontext():
        yield from _play(engine, sources, clock)


@contextmanager
def steady_garbage() -> Iterator[None]:
    """Takes all that exists out of Python's garbage collection for a while: going through it would stop the clock for several frames."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _play(engine: Engine, sources: Mapping[Session, Source], clock: FrameClock) -> Iterator[Results]:
    running = {session: iter(source) for session, source in sources.items()}
    while running:
        given: dict[Session, StepIn] = {}
        failed: dict[Session, Frame | SessionError] = {}
        for session, source in list(running.items()):
            try:
                item = next(source)
            except StopIteration:
                del running[session]
                continue
            except Exception as error:  # one source's failure is its own session's
                del running[session]
                failed[session] = SessionError(f"the source of frames failed: {type(error).__name__}: {error}")
                failed[session].__cause__ = error  # type: ignore[union-attr]
                continue
            given[session] = item if isinstance(item, StepIn) else StepIn(listen=item)
        if given:
            clock.wait()
        results = engine.tick(given) | failed
        for session in results:
            if not session.is_open:
                running.pop(session, None)
        if results:
            yield results


def frames_of(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Sound in blocks [N] of any length -> frames of 1920 samples; the last may be shorter. Memory stays flat.

    Raises:
        InputError: a block has more than one channel.
    """
    kept: list[NDArray[np.float32]] = []
    count = 0
    for block in blocks:
        if block.ndim != 1:
            raise InputError(f"sound must have one channel [N], not {list(block.shape)}; mix it down")
        kept.append(block)
        count += len(block)
        if count < FRAME_SAMPLES:
            continue
        joined = np.concatenate(kept)
        whole = count // FRAME_SAMPLES * FRAME_SAMPLES
        yield from joined[:whole].reshape(-1, FRAME_SAMPLES)
        kept, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(kept)
