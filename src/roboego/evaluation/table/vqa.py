"""The suite `vqa`: questions about pictures of held-out tables, spoken or written, and what Ego makes of them without the picture."""
# S pixels a side, N samples

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import cycle, islice
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from roboego.data.grounded.exchanges import BLIND_ANSWER, sample_question
from roboego.data.grounded.seeing import TOPICS
from roboego.data.grounded.view import View
from roboego.data.talk.answer import Exchange, Turn, is_right
from roboego.data.talk.grammar import Rng
from roboego.data.voices import open_voice
from roboego.data.voices.base import Sound
from roboego.evaluation.judge import WhisperJudge
from roboego.evaluation.simulated_user import SimulatedUser
from roboego.evaluation.surroundings import QUIET, Surroundings
from roboego.evaluation.table.ego import Ego, play
from roboego.evaluation.table.plan import TEST_SEED, TRIES, NoSentence, voiced
from roboego.evaluation.talk import Question, Talked, judged, rate, times
from roboego.runtime.frame import Frame, StepIn
from roboego.sim.eye import Eye
from roboego.sim.scene import sample_scene
from roboego.sim.table import Table
from roboego.streams.tokenizer import TextCodec
from roboego.timebase import FRAME_SAMPLES

Picture = NDArray[np.uint8]
QUESTIONS = 3
"""About each table, in one conversation."""
SHOWN = 25 / 224**2
"""Share of the picture that each thing takes up at least: what is asked about is there to be seen."""
HEARD = 50
"""Questions to which the judge hears what Ego says."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """A table as the camera sees it [S, S, 3], and what is asked about it."""

    exchange: Exchange
    sounds: tuple[Sound, ...]
    picture: Picture


def tables(voice: str, questions: int, size: int, *, seed: int = 0) -> list[Shown]:
    """Held-out tables with so many questions in all, their topics in turn, spoken by `voice`.

    Args:
        size: S.
    Raises:
        InputError: this machine cannot draw, or no question of the test split comes to mind.
    """
    rng, speaker = np.random.default_rng([TEST_SEED, 29, seed]), open_voice(voice)
    topics = cycle(TOPICS)
    next(islice(topics, seed % len(TOPICS), None))
    made = []
    for first in range(0, questions, QUESTIONS):
        turns, picture = _table(rng, list(islice(topics, min(QUESTIONS, questions - first))), size)
        sounds = tuple(voiced(speaker, turn.user, rng) for turn in turns)
        made.append(Shown(exchange=Exchange(intent=turns[-1].intent, turns=turns), sounds=sounds, picture=picture))
    return made


def _table(rng: Rng, topics: Sequence[str], size: int) -> tuple[tuple[Turn, ...], Picture]:
    """A table about which a question of each topic can be asked, and all of whose things are seen."""
    for _ in range(TRIES):
        scene = sample_scene(rng)
        view = View(scene)
        turns = [sample_question(rng, view, "test", topic) for topic in topics]
        if any(turn is None for turn in turns):
            continue
        with Eye(Table(scene), size, size) as eye:
            seen = eye.things()
            if all((seen == i).mean() >= SHOWN for i in range(len(scene.things))):
                return tuple(turn for turn in turns if turn is not None), eye.picture()
    raise NoSentence(f"questions of {', '.join(topics)} about one table")


@dataclass
class Viewing:
    """A conversation about a picture, as `roboego.evaluation.table.ego.Part` has it.

    Attributes:
        picture: given with the first frame; None: none is.
        written: what is asked is given to Ego to read, and nobody speaks.
    """

    shown: Shown
    user: SimulatedUser
    picture: Picture | None
    written: bool = False
    _heard: list[Sound] = field(default_factory=list)
    _said: list[Sound] = field(default_factory=lambda: [np.zeros(FRAME_SAMPLES, np.float32)])
    _frames: list[Frame] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return self.user.done

    def give(self) -> StepIn:
        asked = len(self.user.went)
        self._heard.append(self.user.speak())
        read = self.shown.exchange.turns[asked].user if self.written and len(self.user.went) > asked else None
        return StepIn(listen=self._heard[-1], look=self.picture if not self._frames else None, read=read)

    def take(self, frame: Frame) -> None:
        self._frames.append(frame)
        self._said.append(frame.speech)
        self.user.hear(frame.speech)

    @property
    def talked(self) -> Talked:
        return Talked(user=np.concatenate(self._heard), ego=np.concatenate(self._said[: len(self._heard)]), frames=self._frames)

    @property
    def questions(self) -> list[Question]:
        """What came of each question."""
        return judged(self.shown.exchange, self.user, self.talked)

    def spoken_answers(self) -> Iterator[tuple[Turn, Sound, Question]]:
        """Of each question that was asked: Ego's sound from its beginning to the next one's, and what came of it."""
        ego, ends = self.talked.ego, [went.start for went in self.user.went[1:]]
        for went, end, turn, question in zip(self.user.went, [*ends, len(ego)], self.shown.exchange.turns, self.questions, strict=False):
            yield turn, ego[went.start : end], question

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


Look = Callable[[Viewing], None]


def spoken(shown: Shown, picture: Picture | None, around: Surroundings = QUIET) -> Viewing:
    """Its questions are asked aloud."""
    heard_as, background = around.heard(shown.sounds)
    return Viewing(shown=shown, user=SimulatedUser(turns=shown.sounds, heard_as=heard_as, background=background), picture=picture)


def written(shown: Shown, picture: Picture | None, tokenizer: TextCodec) -> Viewing:
    """Its questions are given to Ego to read, a token a frame: so long its user is silent in place of speaking."""
    turns = [np.zeros(FRAME_SAMPLES * len(tokenizer.encode(turn.user)), np.float32) for turn in shown.exchange.turns]
    return Viewing(shown=shown, user=SimulatedUser(turns=turns), picture=picture, written=True)


def measure(
    ego: Ego[Viewing],
    tables: Sequence[Shown],
    *,
    tokenizer: TextCodec | None = None,
    around: Surroundings = QUIET,
    judge: WhisperJudge | None = None,
    look: Look = lambda viewing: None,
) -> dict[str, Any]:
    """Asks all questions three times: with the picture, without one, and with that of another table.

    Args:
        tokenizer: the questions are written, in its tokens; None: they are spoken.
        around: where they are spoken; each conversation has a seed of its own.
        judge: hears what Ego says, in some of the conversations.
        look: told of every conversation with the picture as it is over.
    """
    pictures, heard = [one.picture for one in tables], list[tuple[bool, bool]]()

    def looked(viewing: Viewing) -> None:
        look(viewing)
        if judge is not None and len(heard) < HEARD:
            heard.extend((is_right(turn.answer, judge.transcribe(sound)), q.right) for turn, sound, q in viewing.spoken_answers())

    ask = partial(asked, ego, tables, tokenizer=tokenizer, around=around)
    questions, unseen = ask(pictures, look=looked), ask([None] * len(tables))
    other = ask([*pictures[1:], *pictures[:1]]) if len(tables) > 1 else []
    return {
        **summary(questions),
        "heard": {"answered_right": rate([ear for ear, _ in heard]), "written_right": rate([eye for _, eye in heard])},
        "without_picture": answers(unseen) | {"says_so": rate([is_right(BLIND_ANSWER, q.written) for q in unseen])},
        "picture_of_another_table": answers(other),
        "wrong": [q.__dict__ for q in questions if not q.right],
    }


def asked(
    ego: Ego[Viewing],
    tables: Sequence[Shown],
    pictures: Sequence[Picture | None],
    *,
    tokenizer: TextCodec | None = None,
    around: Surroundings = QUIET,
    look: Look = lambda viewing: None,
) -> list[Question]:
    """What comes of all questions with these pictures, one for each table; else as `measure` has it."""
    questions: list[Question] = []
    parts = (
        _viewing(one, picture, replace(around, seed=i), tokenizer) for i, (one, picture) in enumerate(zip(tables, pictures, strict=True))
    )
    for viewing in play(ego, parts):
        questions += viewing.questions
        look(viewing)
    return questions


def _viewing(shown: Shown, picture: Picture | None, around: Surroundings, tokenizer: TextCodec | None) -> Viewing:
    return spoken(shown, picture, around) if tokenizer is None else written(shown, picture, tokenizer)


def summary(questions: Sequence[Question]) -> dict[str, Any]:
    """What `answers` tells, how long replies take, and how often there is none, or one too early."""
    return answers(questions) | {
        "latency_s": times([q.latency_s for q in questions]),
        "took_floor_early": rate([q.early for q in questions]),
        "no_reply": rate([not q.written for q in questions]),
    }


def answers(questions: Sequence[Question]) -> dict[str, Any]:
    """Right answers with 95% intervals, in all and by topic."""
    by_topic = {topic: [q.right for q in questions if q.intent == f"see_{topic}"] for topic in TOPICS}
    return {
        "answered_right": rate([q.right for q in questions]),
        "by_topic": {topic: rate(right) for topic, right in by_topic.items() if right},
    }
