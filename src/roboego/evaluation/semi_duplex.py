"""The same model made to take turns, as voice assistants do: it hears a turn when a voice detector says that it is over.

While the user speaks the model is not run; while it speaks it hears nothing, unless the detector finds the user speaking: then it falls
silent. What full duplex gains is the difference.
"""
# T frames of a turn

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from types import TracebackType
from typing import Self

import numpy as np

from roboego.data.voices.base import Sound
from roboego.evaluation.partners import EnginePartner, EngineTalks
from roboego.metrics.turns import DEFAULT_ACTIVITY
from roboego.model.loaded import LoadedModel
from roboego.runtime.frame import Cut, Frame
from roboego.timebase import FRAME_MS, FRAME_S, FRAME_SAMPLES


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The voice detector: levels, as of `roboego.metrics.turns`.

    Attributes:
        end_s: silence after which a turn is over (common settings are 0.5 to 0.8 s).
        barge_s: voice after which a reply is broken off.
        patience_s: how long the model may think before it begins to answer; then it hears no more of the turn.
    """

    end_s: float = 0.6
    barge_s: float = 0.24
    patience_s: float = 2.0


class SemiDuplexPartner:
    """A model in the engine behind a gate."""

    def __init__(self, loaded: LoadedModel, *, slots: int = 8, gate: Gate | None = None) -> None:
        self.slots, self.gate = slots, gate or Gate()
        self.inner = EnginePartner(loaded, slots=slots)

    def open(self, count: int) -> "SemiDuplexTalks":
        return SemiDuplexTalks(self.inner.open(count), self.gate, count)


@dataclass
class _Side:
    """One conversation.

    Attributes:
        turn: frames of the user's turn that the model has not heard yet; voiced, quiet: of the detector, in frames.
        answer: what the model has made already and nobody has heard yet.
        waiting: frames until what the model makes of the turn can be heard: the time that it takes to hear it.
        thinks: frames that it may still take to begin; None while the user has the floor.
        speaking: a reply is being heard.
    """

    turn: list[Sound] = field(default_factory=list)
    before: deque[Sound] = field(default_factory=lambda: deque(maxlen=4))
    answer: deque[Frame] = field(default_factory=deque)
    voiced: int = 0
    quiet: int = 0
    waiting: int = 0
    thinks: int | None = None
    speaking: bool = False
    index: int = 0


class SemiDuplexTalks:
    """Conversations behind gates."""

    def __init__(self, inner: EngineTalks, gate: Gate, count: int) -> None:
        self.inner, self.gate = inner, gate
        self.sides = [_Side() for _ in range(count)]

    def step(self, heard: Mapping[int, Sound]) -> dict[int, Frame]:
        return {i: self._step(i, sound) for i, sound in heard.items()}

    def _step(self, i: int, sound: Sound) -> Frame:
        side = self.sides[i]
        side.index += 1
        voiced = float(np.sqrt(np.mean(sound**2))) > 10 ** (DEFAULT_ACTIVITY.absolute_db / 20)
        side.voiced, side.quiet = (side.voiced + 1, 0) if voiced else (0, side.quiet + 1)
        if side.thinks is not None and side.voiced * FRAME_S >= self.gate.barge_s:
            return self._broken_off(side, sound)
        if side.thinks is None:
            return self._listen(i, side, sound, voiced=voiced)
        if side.waiting:
            side.waiting -= 1
            return self._still(side)
        return self._speak(i, side)

    def _listen(self, i: int, side: _Side, sound: Sound, *, voiced: bool) -> Frame:
        """The user has the floor, or nobody."""
        if side.turn or voiced:
            if not side.turn:
                side.turn = list(side.before)
            side.turn.append(sound)
        else:
            side.before.append(sound)
        if not side.turn or side.quiet * FRAME_S < self.gate.end_s:
            return self._still(side)
        made = [self.inner.step({i: frame})[i] for frame in side.turn]
        took_ms = sum(frame.step_ms for frame in made)
        # It may have begun to answer in the silence that the detector waited for.
        begun = next((t for t in range(len(made) - side.quiet, len(made)) if made[t].text or not made[t].is_silent), len(made))
        side.answer = deque(made[begun:])
        side.turn = []
        side.before.clear()
        side.waiting = ceil(took_ms / FRAME_MS)
        side.thinks = ceil(self.gate.patience_s / FRAME_S)
        return self._still(side)

    def _speak(self, i: int, side: _Side) -> Frame:
        """The model has the floor: it hears silence, and thinks or speaks."""
        assert side.thinks is not None
        made = side.answer.popleft() if side.answer else self.inner.step({i: np.zeros(FRAME_SAMPLES, np.float32)})[i]
        side.thinks -= 1
        if not made.is_silent:
            side.speaking = True
            side.thinks = ceil(self.gate.end_s / FRAME_S)
        if side.thinks <= 0:
            side.thinks, side.speaking = None, False
        return replace(made, index=side.index - 1)

    def _broken_off(self, side: _Side, sound: Sound) -> Frame:
        """The user speaks: whatever was to be said is dropped."""
        cut = (Cut(reply=0, spoken=0),) if side.speaking else ()
        side.thinks, side.speaking, side.waiting = None, False, 0
        side.turn = [sound]
        side.answer.clear()
        return replace(self._still(side), events=cut)

    def _still(self, side: _Side) -> Frame:
        """A frame in which nothing is said."""
        return Frame(
            index=side.index - 1,
            speech=np.zeros(FRAME_SAMPLES, np.float32),
            codes=np.zeros(0, np.int64),
            token=0,
            text="",
            caption=0,
            heard="",
            action=None,
            spoken_upto=0,
            spoken_text="",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.inner.__exit__(kind, error, trace)
