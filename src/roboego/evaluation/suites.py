"""The suites of `roboego eval`, each a function of what is to be measured: its figures, and conversations worth a look."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from roboego.data.importing.aligner import Aligner
from roboego.data.talk.answer import Exchange
from roboego.data.voices import ACCENTS, EGO, LISTENERS
from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.evaluation import (
    cascade,
    duplex,
    duplex_scenes,
    full_duplex_bench,
    functions,
    latency,
    material,
    organization,
    recall,
    retention,
    speech,
    sync,
    talk,
)
from roboego.evaluation.judge import WhisperJudge
from roboego.evaluation.naturalness import DnsMos
from roboego.evaluation.partners import EnginePartner, Partner
from roboego.evaluation.report import Sample
from roboego.evaluation.semi_duplex import SemiDuplexPartner
from roboego.evaluation.servers import ServerPartner
from roboego.evaluation.surroundings import Surroundings
from roboego.model.loaded import LoadedModel
from roboego.runtime.context_sight import SightPolicy

LOOKED_AT = 2
"""Conversations of each kind of scene, and of each outcome, that are kept to look at."""


@dataclass(kw_only=True)
class Measuring:
    """What is measured, and how much of it.

    Attributes:
        loaded: the model; None for a server, of which only conversations can be measured.
        voices: who is transcribed; those among them that train listening ask, or all if there are none.
        conditions: noises and rooms of the suite `asr`, beside clean.
        questions, scenes, sentences: how many, as `roboego eval --help` tells.
        bank: where held-out speech is kept.
        semi_duplex: the model hears a turn only when it is over, as `roboego.evaluation.semi_duplex` has it.
        before: the model as it was earlier, for the suite `retention`.
        server: address of the server that is measured.
        surroundings: a noise, a room or a line, by name, in which users of the suites that talk are heard.
        sight, details: how pictures reach the model, as of `Engine.open`; None: as that has it.
        written: the questions of the suite `vqa` are written.
        experts: the suites at the table are played by the script that moves by the experts.
        recordings: a folder of somebody's own, or of a public set, for the suites `asr` and `full-duplex-bench`.
    """

    loaded: LoadedModel | None
    voices: Sequence[str]
    conditions: Sequence[str]
    questions: int
    scenes: int
    sentences: int
    bank: Path
    semi_duplex: bool = False
    before: LoadedModel | None = None
    server: str | None = None
    recordings: Path | None = None
    surroundings: str = "clean"
    sight: SightPolicy | None = None
    details: bool = True
    written: bool = False
    experts: bool = False

    @cached_property
    def partner(self) -> Partner:
        """Whom simulated users talk with."""
        if self.server is not None:
            return ServerPartner(self.server)
        return SemiDuplexPartner(self.model) if self.semi_duplex else EnginePartner(self.model, sight=self.sight, details=self.details)

    @cached_property
    def around(self) -> Surroundings:
        """Where users of the suites that talk are heard."""
        return Surroundings(name=self.surroundings, others=material.crowd() if self.surroundings.startswith("babble") else ())

    @property
    def model(self) -> LoadedModel:
        """The model itself.

        Raises:
            InputError: it is a server.
        """
        if self.loaded is None:
            raise InputError(f"this suite needs a model, not a server; of servers there are the suites {', '.join(TALKING)}")
        return self.loaded

    @cached_property
    def judge(self) -> WhisperJudge:
        return WhisperJudge()

    @cached_property
    def listener(self) -> DnsMos:
        return DnsMos()

    @property
    def askers(self) -> list[str]:
        return [v for v in self.voices if v in LISTENERS] or list(self.voices)


Found = tuple[dict[str, Any], list[Sample]]


def run_talk(m: Measuring) -> Found:
    """Spoken questions, who takes the floor when, silence kept."""
    spoken = _questions(m)
    kept: list[Sample] = []

    def look(questions: Sequence[talk.Question], talked: talk.Talked) -> None:
        right = all(q.right for q in questions)
        title = "answered rightly" if right else "answered wrongly"
        if sum(s.title == title for s in kept) < LOOKED_AT:
            note = " ".join(f"user: {q.user} Ego: {q.written}" for q in questions)
            kept.append(Sample(suite="talk", title=title, note=note, talked=talked))

    questions = talk.ask(m.partner, spoken, look=look, around=m.around)
    remembered = [e for i, v in enumerate(m.askers) for e in recall.conversations(v, -(-m.questions // 10 // len(m.askers)), seed=i)]
    last = _last_questions(remembered, talk.ask(m.partner, remembered, around=m.around))
    silences = talk.keeps_silent(m.partner, material.silences(-(-m.questions // 2)))
    wrong = [q.__dict__ for q in questions if not q.right]
    told = talk.summary(questions, silences) | {"recalled": recall.summary(last)}
    return told | {"voices": m.askers, "surroundings": m.surroundings, "wrong": wrong}, kept


def _last_questions(
    spoken: Sequence[tuple[Exchange, list[Sound]]], questions: Sequence[talk.Question]
) -> list[tuple[Exchange, talk.Question]]:
    """Each exchange with the question it ends in, of all that were asked, one exchange after another."""
    ends = np.cumsum([len(exchange.turns) for exchange, _ in spoken])
    return [(exchange, questions[end - 1]) for (exchange, _), end in zip(spoken, ends, strict=True)]


def _questions(m: Measuring) -> list[tuple[Exchange, list[Sound]]]:
    """Spoken exchanges with so many questions in all, the askers one after another."""
    each = -(-m.questions // len(m.askers))
    return [e for i, v in enumerate(m.askers) for e in material.exchanges(v, each, seed=i)]


def run_functions(m: Measuring) -> Found:
    """The time and timers, where Ego can call what tells them and where it cannot."""
    return functions.measure(EnginePartner(m.model), m.askers, m.questions)


def run_duplex(m: Measuring) -> Found:
    """Pauses, corrections, interruptions, backchannels, words to somebody else, Ego's own echo, a long silence."""
    found = duplex.play(m.partner, _scenes(m, duplex_scenes.KINDS))
    return duplex.summary([o for o, _ in found]) | {"voices": m.askers, "surroundings": m.surroundings}, list(_looked_at(found))


def _scenes(m: Measuring, kinds: Sequence[duplex_scenes.Kind]) -> list[duplex_scenes.Scene]:
    """Scenes of each kind, the askers in turn."""
    askers = list(enumerate(m.askers))
    counts = [len(range(i, m.scenes, len(askers))) for i, _ in askers]
    return [
        scene for kind in kinds for i, voice in askers for scene in duplex_scenes.scenes(kind, voice, counts[i], seed=i, around=m.around)
    ]


def _looked_at(found: Iterable[tuple[duplex.Outcome, talk.Talked]]) -> Iterable[Sample]:
    """The first scenes of each kind that went well, and that did not."""
    seen: dict[tuple[str, bool], int] = {}
    for outcome, talked in found:
        if outcome.good is None:
            continue
        key = (outcome.kind, outcome.good)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= LOOKED_AT:
            title = f"{outcome.kind.replace('_', ' ')}: {'as it should be' if outcome.good else 'not as it should be'}"
            yield Sample(suite="duplex", title=title, note=f"user: {outcome.user} Ego: {outcome.written}", talked=talked)


class _Kept:
    """The first sentences of each voice and condition, to be listened to."""

    def __init__(self, suite: str, each: int) -> None:
        self.suite, self.each, self.samples = suite, each, list[Sample]()

    def look(self, name: str, said: str, found: str, heard: Sound, made: Sound) -> None:
        """Implements `speech.Look`."""
        if sum(s.title == name for s in self.samples) < self.each:
            size = max(len(heard), len(made))
            user, ego = (np.pad(pcm, (0, size - len(pcm))) for pcm in (heard, made))
            note = f"said: {said} heard: {found}"
            self.samples.append(Sample(suite=self.suite, title=name, note=note, talked=talk.Talked(user=user, ego=ego)))


def run_asr(m: Measuring) -> Found:
    """Transcription: by voice, of accents and a voice that no training hears, in noise, rooms and over the telephone."""
    if m.recordings is not None:
        return {m.recordings.name: speech.asr_recorded(m.model, m.recordings, m.questions)}, []
    kept = _Kept("asr", 1)
    return speech.asr(m.model, m.bank, m.voices, m.sentences, m.conditions, kept.look), kept.samples


def run_tts(m: Measuring) -> Found:
    """What Whisper-tiny understands of the model's speech, and how it sounds."""
    kept = _Kept("tts", 3 * LOOKED_AT)
    return speech.tts(m.model, m.bank, m.questions, m.judge, m.listener, kept.look), kept.samples


def run_codec(m: Measuring) -> Found:
    """What Whisper-tiny understands before and after the codec."""
    voices = [EGO, *(v for v in m.voices if v not in ACCENTS)]
    return speech.codec_loss(m.model, m.bank, voices, m.sentences, m.judge), []


def run_latency(m: Measuring) -> Found:
    """How long a reply and silence after an interruption take, with 1, 4, 8 and 16 sessions at once."""
    return latency.latency(m.model, _scenes(m, ("turn", "barge_in"))), []


def run_cascade(m: Measuring) -> Found:
    """Latency of voice detector, Whisper, a language model and a voice in a row, on the turns of the suite `latency`."""
    parts = cascade.Cascade()
    turns = _scenes(m, ("turn",))
    return cascade.summary([parts.reply(scene.sounds[0], scene.turns[0].ego) for scene in turns]), []


def run_sync(m: Measuring) -> Found:
    """Text before speech, and `spoken_upto` against what Whisper hears."""
    aligner = Aligner()
    found = duplex.play(m.partner, _scenes(m, ("turn",)))
    return sync.summary([word for _, talked in found for word in sync.said_words(talked, aligner)]), []


def run_organization(m: Measuring) -> Found:
    """How likely right replies are, how the model answers, and whether it says what it writes: by its own organization of streams."""
    model, tokenizer = m.model.model, speech.parts(m.model)[1]
    likely = organization.likelihood(model, *organization.held_out(m.model, m.askers, m.scenes), tokenizer.starts_word)
    return {"reply": likely, **organization.conversation(m.partner, _questions(m), m.judge)}, []


def run_retention(m: Measuring) -> Found:
    """What was forgotten since `before`, by voice and condition."""
    assert m.before is not None  # whoever asks for this suite names it
    counts = m.sentences, m.questions
    return retention.retention(m.before, m.model, m.bank, m.voices, counts, m.conditions, m.judge), []


def run_full_duplex_bench(m: Measuring) -> Found:
    """A public set's pauses, turns, backchannels and interruptions."""
    assert m.recordings is not None  # whoever asks for this suite names it
    played = full_duplex_bench.measure(m.partner, m.recordings, m.questions)
    kept: dict[tuple[str, bool], Sample] = {}
    for outcome, talked in played:
        took = "took over" if outcome.took_over else "did not take over"
        sample = Sample(
            suite="full-duplex-bench", title=f"{outcome.item.folder}: {took}", note=str(outcome.item.path.parent), talked=talked
        )
        kept.setdefault((outcome.item.folder, outcome.took_over), sample)
    return full_duplex_bench.summary([o for o, _ in played]), list(kept.values())


TALKING = ("talk", "duplex", "full-duplex-bench")
"""Suites that need no more than somebody to talk with."""
TAKING_TURNS = (*TALKING, "sync", "organization")
"""Suites in which a model may be made to take turns."""
PLAYED_BY_EXPERTS = ("action", "sense", "conflict")
"""Suites that the experts can play in a model's place."""
AT_THE_TABLE = ("vqa", *PLAYED_BY_EXPERTS)
"""Suites for models that see, act or feel."""


def _at_the_table(name: str) -> Callable[[Measuring], Found]:
    def run(m: Measuring) -> Found:
        from roboego.evaluation.table.suites import RUN  # with the simulator, which no other suite needs

        return RUN[name](m)

    return run


SUITES: dict[str, Callable[[Measuring], Found]] = {
    "talk": run_talk,
    "duplex": run_duplex,
    "functions": run_functions,
    "asr": run_asr,
    "tts": run_tts,
    "codec": run_codec,
    "latency": run_latency,
    "cascade": run_cascade,
    "sync": run_sync,
    "organization": run_organization,
    "retention": run_retention,
    "full-duplex-bench": run_full_duplex_bench,
    **{name: _at_the_table(name) for name in AT_THE_TABLE},
}
"""By name, in the order in which all of them run."""
