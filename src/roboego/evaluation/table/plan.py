"""What is to happen at the table: who asks for what, what comes in between, and what Ego is to do and to say."""
# N samples; metres

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import numpy as np

from roboego.data.episodes import ABOVE_M, AT_HOME
from roboego.data.grounded import doing
from roboego.data.grounded.doing import Asked, request
from roboego.data.grounded.view import View
from roboego.data.talk.answer import Answer
from roboego.data.talk.dressing import Kind, dress
from roboego.data.talk.grammar import Rng
from roboego.data.talk.sampling import MAX_WORDS, split_of
from roboego.data.voices.base import Sound, Voice
from roboego.errors import InputError
from roboego.evaluation.material import level
from roboego.sim.env import take
from roboego.sim.scene import Scene, sample_scene
from roboego.sim.table import Table
from roboego.sim.tasks import HOLDING, Task, Verb
from roboego.streams.alphabet import words

TEST_SEED = 3
"""What tables that no training sees are drawn from, as the recipes have it."""
TRIES = 600

Camera = Literal["live", "black", "frozen"]
Withheld = Literal["picture", "body", "touch", "points"]
Tip = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Meanwhile:
    """What happens once the arm has moved for a while.

    Attributes:
        after_frames: of motion.
        text, sound: what the user says then; none if it says nothing.
        typed: what Ego is given to read from the same frame on; "" for nothing.
        camera: what it shows from then on.
    """

    after_frames: int
    text: str = ""
    sound: Sound = field(default_factory=lambda: np.zeros(0, np.float32))
    typed: str = ""
    camera: Camera = "live"

    @property
    def told(self) -> str:
        """In words."""
        parts = [self.text, f"reads: {self.typed}" if self.typed else "", f"camera {self.camera}" if self.camera != "live" else ""]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """An episode to be.

    Attributes:
        text, sound: what the user asks for, spoken.
        task: what is to be done; None if nothing is.
        replies: what an Ego that knows all says to the request, and to what happens meanwhile; answers: by which each is judged.
        halts: with what happens meanwhile the arm has to come to rest.
        tip: where the fingertips begin; None: at home.
        camera: what it shows from the start.
        feigned: the pads press as if `about` were held, which stands on the table.
        about: the thing that it is about, by its place in the scene.
        lead: what an expert does with the arm before the request, and then keeps it still: Ego has no say in it.
        withheld: what Ego is not given.
    """

    kind: str
    voice: str
    scene: Scene
    text: str
    sound: Sound
    replies: tuple[str, ...]
    answers: tuple[Answer, ...]
    verb: Verb | None = None
    task: Task | None = None
    meanwhile: Meanwhile | None = None
    halts: bool = False
    tip: Tip | None = None
    camera: Camera = "live"
    feigned: bool = False
    about: int | None = None
    lead: Task | None = None
    withheld: frozenset[Withheld] = frozenset()


def held_out(rng: Rng, draw: Callable[[], str], kind: Kind) -> str | None:
    """A sentence of the test split, dressed up; None if none comes to mind."""
    for _ in range(TRIES):
        text = dress(rng, draw(), kind)
        if len(words(text)) <= MAX_WORDS and split_of(text) == "test":
            return text
    return None


def held_out_request(rng: Rng, draw: Callable[[], Asked | None]) -> Asked | None:
    """A request whose sentence is of the test split, dressed up; None if none comes to mind."""
    for _ in range(TRIES):
        asked = draw()
        if asked is None:
            return None
        text = dress(rng, asked.user, "request")
        if len(words(text)) <= MAX_WORDS and split_of(text) == "test":
            return replace(asked, user=text)
    return None


def drawn(rng: Rng, verb: Verb) -> tuple[Scene, Asked]:
    """A table, and something of a kind that can be done there, which the expert can begin to do.

    Raises:
        InputError: there is no sentence of the test split for it.
    """
    for _ in range(TRIES):
        scene = sample_scene(rng)
        found = request(rng, view := View(scene), verb)
        if found is None or found.task is None:
            continue
        asked = held_out_request(rng, partial(doing.spoken, rng, view, found.task))
        if asked is not None and (verb not in HOLDING or can_take(scene, found.task)):
            return scene, asked
    raise NoSentence(f"a request to {verb}")


class NoSentence(InputError):
    """Nothing that is held out can be said."""

    def __init__(self, what: str) -> None:
        super().__init__(f"nothing of the test split comes to mind for {what}: the grammar has too few forms")


def can_take(scene: Scene, task: Task) -> bool:
    """Whether the expert gets the thing of a task into its hand."""
    try:
        take(Table(scene), task)
    except InputError:
        return False
    return True


def begins_at(rng: Rng, verb: Verb | None) -> Tip | None:
    """Where the fingertips are at the start: somewhere else than at home for going home, and for most else as often as not."""
    if verb in HOLDING or (verb != "go_home" and rng.random() < AT_HOME):
        return None
    x, y, z = (float(rng.uniform(low, high)) for low, high in ABOVE_M)
    return x, min(y, 0.0) if verb == "go_home" else y, z


def voiced(speaker: Voice, text: str, rng: Rng) -> Sound:
    """A sentence at an even level."""
    return level(speaker.say(text, rng).pcm)


def shared_out(count: int, voices: Sequence[str]) -> list[tuple[int, str, int]]:
    """How many of `count` each voice says: its number, its name, its share."""
    return [(i, voice, len(range(i, count, len(voices)))) for i, voice in enumerate(voices)]
