"""What simulated users do in the suite `duplex`: scenes of ten kinds, held out, drawn from seeds."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np

from roboego.data.dialogue import with_pause
from roboego.data.talk.answer import Answer, Turn
from roboego.data.talk.asides import backchannel, open_ends
from roboego.data.talk.dressing import takes_back
from roboego.data.talk.sampling import sample_aside, sample_exchange
from roboego.data.voices import open_voice
from roboego.data.voices.base import Sound, Spoken, Voice
from roboego.data.word_times import with_word_times
from roboego.evaluation.material import level
from roboego.evaluation.simulated_user import Leak, Patience, SimulatedUser
from roboego.evaluation.surroundings import QUIET, Surroundings
from roboego.streams.alphabet import words
from roboego.timebase import seconds_to_samples

Kind = Literal["turn", "pause", "trailing", "correction", "barge_in", "stop", "backchannel", "aside", "echo", "offer"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LONG_ANSWER = 8
"""Words of an answer that there is time to come in to."""
PAUSE_S, TRAILING_S, COMES_IN_S, ECHO_DELAY_S = (0.3, 1.0), (1.2, 3.5), (0.5, 1.2), (0.02, 0.2)
LONG_QUIET_S = 22.0
"""How long the user of an `offer` says nothing, after an answer and once more after the offer."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a user does, and what should come of it.

    Attributes:
        turns: what is said, with the right answers; those that want none have an empty one.
        sounds: the same, spoken. meanwhile, leak, patience: as of `SimulatedUser`.
        around: what is heard beside the user, and how.
    """

    kind: Kind
    voice: str
    turns: tuple[Turn, ...]
    sounds: tuple[Sound, ...]
    meanwhile: dict[int, float] = field(default_factory=dict)
    leak: Leak | None = None
    patience: Patience = field(default_factory=Patience)
    around: Surroundings = QUIET

    def user(self) -> SimulatedUser:
        heard_as, background = self.around.heard(self.sounds)
        return SimulatedUser(
            turns=self.sounds,
            heard_as=heard_as,
            background=background,
            meanwhile=self.meanwhile,
            leak=self.leak,
            patience=self.patience,
        )


def scenes(kind: Kind, voice: str, count: int, *, seed: int = 0, around: Surroundings = QUIET) -> list[Scene]:
    """Held-out scenes of a kind; each has surroundings of its own seed."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    speaker = open_voice(voice)
    made = [_scene(kind, voice, speaker, rng) for _ in range(count)]
    return [replace(scene, around=replace(around, seed=seed * 1_000 + i)) for i, scene in enumerate(made)]


def _scene(kind: Kind, voice: str, speaker: Voice, rng: np.random.Generator) -> Scene:
    def spoken(text: str) -> Spoken:
        return with_word_times(speaker.say(text, rng))

    def alone(turn: Turn, pcm: Sound, leak: Leak | None = None, patience: Patience | None = None) -> Scene:
        return Scene(kind=kind, voice=voice, turns=(turn,), sounds=(level(pcm),), leak=leak, patience=patience or Patience())

    match kind:
        case "aside":
            text = sample_aside(rng, "test")
            return alone(_unanswered(text), spoken(text).pcm)
        case "turn":
            return alone(turn := _one(rng, lambda t: True), spoken(turn.user).pcm)
        case "pause":
            return alone(*_paused(rng, spoken))
        case "trailing":
            return alone(*_trailing(rng, spoken))
        case "correction":
            return alone(turn := _one(rng, lambda t: takes_back(t.user)), spoken(turn.user).pcm)
        case "echo":
            return alone(turn := _one(rng, _is_long), spoken(turn.user).pcm, Leak(delay_s=float(rng.uniform(*ECHO_DELAY_S))))
        case "offer":
            return alone(turn := _one(rng, lambda t: True), spoken(turn.user).pcm, patience=Patience(quiet=LONG_QUIET_S))
    first, second = _one(rng, _is_long), _meanwhile(kind, rng)
    return Scene(
        kind=kind,
        voice=voice,
        turns=(first, second),
        sounds=tuple(level(spoken(t.user).pcm) for t in (first, second)),
        meanwhile={1: float(rng.uniform(*COMES_IN_S))},
    )


def _paused(rng: np.random.Generator, spoken: Callable[[str], Spoken]) -> tuple[Turn, Sound]:
    """A turn with a pause where it cannot be over; one in whose sound no word's end is known is drawn anew."""
    while True:
        turn = _one(rng, lambda t: bool(open_ends(t.user)))
        said = spoken(turn.user)
        paused = with_pause(said, seconds_to_samples(rng.uniform(*PAUSE_S)), rng)
        if len(paused.pcm) > len(said.pcm):
            return turn, paused.pcm


def _trailing(rng: np.random.Generator, spoken: Callable[[str], Spoken]) -> tuple[Turn, Sound]:
    """A turn that is begun, left off where it cannot be over, and said as a whole some time later."""
    turn = _one(rng, lambda t: bool(open_ends(t.user)))
    begun = " ".join(turn.user.split()[: int(rng.choice(open_ends(turn.user)))]).rstrip(".,?")
    quiet = np.zeros(seconds_to_samples(rng.uniform(*TRAILING_S)), np.float32)
    return turn, np.concatenate([spoken(begun).pcm, quiet, spoken(turn.user).pcm])


def _meanwhile(kind: Kind, rng: np.random.Generator) -> Turn:
    """What is said while Ego speaks."""
    if kind == "backchannel":
        return _unanswered(backchannel(rng, held_out=True))
    if kind == "stop":
        return sample_exchange(rng, "test", turns=1, intent="stop").turns[0]
    return _one(rng, lambda t: t.intent not in ("stop", "again", "slower", "louder"))


def _one(rng: np.random.Generator, fits: Callable[[Turn], bool]) -> Turn:
    """A held-out turn that stands alone."""
    while True:
        turn = sample_exchange(rng, "test", turns=1).turns[0]
        if fits(turn):
            return turn


def _is_long(turn: Turn) -> bool:
    return len(words(turn.ego)) >= LONG_ANSWER


def _unanswered(text: str) -> Turn:
    return Turn(intent="none", user=text, ego="", answer=Answer(all_of=()))
