"""What Ego sees right now: the latest picture, encoded off the step.

Sight is latest-only: a picture that comes while another waits takes its place. A step takes what is ready and never waits.
"""
# M tokens of a picture, V their width and that of its vector, H heads, E head dimension

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from roboego.errors import InputError, RoboEgoError
from roboego.perception.picture import Picture, to_pixels
from roboego.perception.vit import ViT

Encoder = Callable[[Picture], tuple[Tensor, Tensor]]
"""A picture -> its fused vector [V] and its tokens [M, V]."""
LOWEST = 19
"""Of the priorities that Linux gives threads ("nice")."""
ToDetails = Callable[[Tensor], tuple[Tensor, Tensor]]
"""A picture's tokens [M, V] -> the keys and values [H, M, E] by which a model glances at them."""


@dataclass(frozen=True, eq=False)
class Sight:
    """An encoded picture.

    Attributes:
        vector: [V] for stream vision.
        tokens: [M, V] for context vision.
        number: how many pictures had been offered when it was, itself included.
        offered_ns, ready_ns: `time.monotonic_ns()` when it was offered and when it was ready.
        details: keys and values [H, M, E] to glance at; None without any.
    """

    vector: Tensor
    tokens: Tensor
    number: int
    offered_ns: int
    ready_ns: int
    details: tuple[Tensor, Tensor] | None = None


@dataclass(kw_only=True)
class SightCounts:
    """What became of the pictures: each one offered is encoded, replaced or dropped before that, broken, or still waiting."""

    offered: int = 0
    encoded: int = 0
    replaced: int = 0
    broken: int = 0


def encoder(vit: ViT) -> Encoder:
    """Pictures through a ViT, on the device and in the type of its weights."""

    @torch.inference_mode()
    def encode(picture: Picture) -> tuple[Tensor, Tensor]:
        pixels_3SS = to_pixels(picture, vit.config.image_size).to(vit.place.device, vit.place.dtype)
        seen = vit(pixels_3SS[None])
        return seen.vector[0], seen.tokens[0]

    return encode


def check_vector(vector: Tensor, width: int) -> None:
    """Raises InputError unless a picture's vector is [width] and finite in float32."""
    if vector.shape != (width,):
        raise InputError(f"an encoded picture is {width} finite numbers, not a tensor {list(vector.shape)}; use the model's own encoder")
    if not bool(torch.isfinite(vector.float()).all()):
        raise InputError(f"an encoded picture is {width} finite numbers, and some are NaN or infinite; check the encoder and its weights")


def check_tokens(tokens: Tensor, count: int | None, width: int) -> None:
    """Raises InputError unless a picture's tokens are [count, width], or some of this width, and finite in float32."""
    wanted = f"a picture's tokens are {'' if count is None else f'{count} of '}{width} finite numbers each"
    if tokens.dim() != 2 or not len(tokens) or tokens.shape[1] != width or count not in (None, len(tokens)):
        raise InputError(f"{wanted}, not a tensor {list(tokens.shape)}; use the model's own encoder")
    if not bool(torch.isfinite(tokens.float()).all()):
        raise InputError(f"{wanted}, and some are NaN or infinite; check the encoder and its weights")


class LatestPicture:
    """The eye of one session. A thread of its own encodes, unless `background` is false: then `offer` does, for runs without a clock.

    A broken picture is counted, its error kept in `failure`, and what was seen before stays in sight. The same holds for a picture over
    which the encoder fails, or which it does not turn into a finite vector [V] and finite tokens.

    Args:
        width: V; None takes any.
        tokens: how many tokens a picture has (None: any number of them), and their width; None takes any.
        details: prepares tokens to be glanced at, beside the encoding; None if nobody does.
    """

    def __init__(
        self,
        encode: Encoder,
        *,
        width: int | None = None,
        tokens: tuple[int | None, int] | None = None,
        details: ToDetails | None = None,
        background: bool = True,
    ) -> None:
        self._encode, self._width, self._tokens, self._details = encode, width, tokens, details
        self._changed = threading.Condition()
        self._waiting: tuple[Picture, int, int] | None = None
        self._busy = self._closed = False
        self._sight: Sight | None = None
        self.counts = SightCounts()
        self.failure: RoboEgoError | None = None
        # Python waits for its thread before it exits: torch breaks down where a thread dies inside it.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="eye", initializer=_stand_back) if background else None

    def offer(self, picture: Picture) -> None:
        """Hands in a picture, instead of one that still waits.

        Raises:
            InputError: the eye has been closed.
        """
        with self._changed:
            if self._closed:
                raise InputError("this session's eye is closed; open a new session")
            self.counts.offered += 1
            replaces = self._waiting is not None
            self.counts.replaced += replaces
            self._waiting = (picture, self.counts.offered, time.monotonic_ns())
            if self._worker is not None and not replaces:
                self._worker.submit(self._encode_waiting)
        if self._worker is None:
            self._encode_waiting()

    def latest(self) -> Sight | None:
        """The latest picture that is ready; None before the first. Never waits."""
        return self._sight

    def settle(self, timeout_s: float) -> bool:
        """Waits until nothing is left to encode; False if that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting is None and not self._busy, timeout_s)

    def close(self) -> None:
        """Drops a picture that still waits, and ends the thread after the one it is at. Never waits."""
        with self._changed:
            self._closed = True
            self.counts.replaced += self._waiting is not None
            self._waiting = None
            self._changed.notify_all()
            if self._worker is not None:
                self._worker.shutdown(wait=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _encode_waiting(self) -> None:
        with self._changed:
            if self._waiting is None:
                return
            (picture, number, offered_ns), self._waiting, self._busy = self._waiting, None, True
        sight: Sight | None = None
        failure: RoboEgoError | None = None
        try:
            sight = self._encoded(picture, number, offered_ns)
        except RoboEgoError as error:
            failure = error
        except Exception as error:  # whatever it is, the session must hear of it
            problem = f"{type(error).__name__}: {error}"
            failure = RoboEgoError(f"the picture encoder failed ({problem}); give another picture, or check the encoder")
            failure.__cause__ = error
        with self._changed:
            if sight is not None:
                self._sight, self.counts.encoded = sight, self.counts.encoded + 1
            elif failure is not None:
                self.failure, self.counts.broken = failure, self.counts.broken + 1
            self._busy = False
            self._changed.notify_all()

    def _encoded(self, picture: Picture, number: int, offered_ns: int) -> Sight:
        vector, tokens = self._encode(picture)
        if self._width is not None:
            check_vector(vector, self._width)
        if self._tokens is not None:
            check_tokens(tokens, *self._tokens)
        details = None if self._details is None else self._details(tokens)
        return Sight(vector, tokens, number, offered_ns, time.monotonic_ns(), details)


def _stand_back() -> None:
    """Lets all other threads go before this one and those that it starts, where a thread can have a priority of its own: a picture may come
    a little later, a step may not."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST)
