"""What is asked for in the suite `action`: held-out requests at held-out tables, drawn from seeds."""

from functools import partial
from typing import Literal, get_args

import numpy as np

from roboego.data.grounded.doing import impossible
from roboego.data.grounded.view import View
from roboego.data.talk.answer import Answer
from roboego.data.talk.grammar import Rng, patterns, pick
from roboego.data.talk.sampling import sample_exchange
from roboego.data.voices import open_voice
from roboego.data.voices.base import Voice
from roboego.evaluation.table.plan import (
    TEST_SEED,
    TRIES,
    Meanwhile,
    NoSentence,
    Plan,
    begins_at,
    drawn,
    held_out,
    held_out_request,
    voiced,
)
from roboego.sim.scene import sample_scene
from roboego.sim.tasks import VERBS, Verb

Kind = Literal["do", "chat", "stop", "impossible"]
KINDS: tuple[Kind, ...] = get_args(Kind)
DOES: tuple[Verb, ...] = tuple(verb for verb in VERBS if verb != "stop")
TAKES_LONG: tuple[Verb, ...] = ("pick_up", "put_next_to", "put_into", "put_on")
"""What goes on for long enough to be talked to, and to be stopped."""
COMES_IN_FRAMES = (5, 16)
"""After how many frames of motion something is said: from the first, and below the second."""
_STOP = patterns(
    "(stop|wait|hold on|stop it|stop that|stop now|stop right there|stop moving) [please|now|a moment].",
    "(no|no no|okay|ego|robot|please), (stop|wait|hold on|stop it|stop right there|stop moving) [please|now].",
    "(stop, stop|stop, wait|wait, stop|wait, wait|hold on, stop|stop, hold on) [please|now|ego].",
    "(stop|hold) (the|your) (arm|hand) [now|please].",
)
"""Short, as somebody says it who means it; Ego's arm is meant, not its voice alone."""
STOPPED = Answer(all_of=(("stop", "stopped", "stopping", "wait", "waiting"),))
_ABOUT_SPEECH = ("stop", "again", "slower", "louder")


def plans(kind: Kind, voice: str, count: int, *, seed: int = 0, first: int = 0) -> list[Plan]:
    """Episodes of a kind.

    Args:
        first: which verb the first is of; the others follow in turn.
    """
    rng, speaker = np.random.default_rng([TEST_SEED, 31, seed, KINDS.index(kind)]), open_voice(voice)
    if kind == "impossible":
        return [_impossible(rng, voice, speaker) for _ in range(count)]
    verbs = DOES if kind == "do" else TAKES_LONG
    return [_possible(rng, kind, voice, speaker, verbs[(first + i) % len(verbs)]) for i in range(count)]


def _possible(rng: Rng, kind: Kind, voice: str, speaker: Voice, verb: Verb) -> Plan:
    scene, asked = drawn(rng, verb)
    replies: tuple[str, ...] = (asked.ego,)
    answers: tuple[Answer, ...] = (asked.answer,)
    meanwhile = None
    if kind != "do":
        text, reply, answer = stop(rng) if kind == "stop" else _question(rng)
        replies, answers = (*replies, reply), (*answers, answer)
        meanwhile = Meanwhile(after_frames=int(rng.integers(*COMES_IN_FRAMES)), text=text, sound=voiced(speaker, text, rng))
    return Plan(
        kind=kind,
        voice=voice,
        scene=scene,
        text=asked.user,
        sound=voiced(speaker, asked.user, rng),
        verb=verb,
        task=asked.task,
        replies=replies,
        answers=answers,
        meanwhile=meanwhile,
        halts=kind == "stop",
        tip=begins_at(rng, verb),
    )


def _impossible(rng: Rng, voice: str, speaker: Voice) -> Plan:
    for _ in range(TRIES):
        scene = sample_scene(rng)
        asked = held_out_request(rng, partial(impossible, rng, View(scene)))
        if asked is not None:
            return Plan(
                kind="impossible",
                voice=voice,
                scene=scene,
                text=asked.user,
                sound=voiced(speaker, asked.user, rng),
                verb=asked.verb,
                replies=(asked.ego,),
                answers=(asked.answer,),
                tip=begins_at(rng, asked.verb),
            )
    raise NoSentence("a request that cannot be met")


def stop(rng: Rng) -> tuple[str, str, Answer]:
    """Somebody says stop, in few words: what is said, a reply, and how replies are judged."""
    text = held_out(rng, lambda: pick(rng, _STOP).sample(rng), "social")
    if text is None:
        raise NoSentence("stop")
    return text, "okay, i stop.", STOPPED


def _question(rng: Rng) -> tuple[str, str, Answer]:
    """Something of the Talk part that stands alone: as `stop`."""
    while True:
        turn = sample_exchange(rng, "test", turns=1).turns[0]
        if turn.intent not in _ABOUT_SPEECH:
            return turn.user, turn.ego, turn.answer
