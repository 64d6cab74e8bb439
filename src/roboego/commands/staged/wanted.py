"""A request in free words -> what is meant by it, and a table on which it can be done."""

import re
from dataclasses import dataclass

import numpy as np

from roboego.data.grounded import doing
from roboego.data.grounded.view import View
from roboego.data.talk.lexicon import COLORS, SHAPES, SIZES
from roboego.data.voices import open_voice
from roboego.errors import InputError
from roboego.evaluation.table.plan import Plan, can_take, voiced
from roboego.sim.scene import Scene, sample_scene
from roboego.sim.tasks import HOLDING, Task, Verb, Way, possible
from roboego.streams.alphabet import normalize, words

THINGS = (2, 6)
"""How many things stand on the table, from and below."""
TRIES = 30_000
_WAYS: dict[str, Way] = {"left": "left", "right": "right", "away": "away", "closer": "closer", "towards me": "closer"}
_FORMS: tuple[tuple[Verb, str], ...] = (
    ("put_into", "(put|place|drop) X (into|inside|in) Y"),
    ("put_next_to", "(put|place|set) X (next to|beside) Y"),
    ("put_on", "(put|place|stack) X (on top of|on) Y"),
    ("put_down", "(put|set) down X|(put|set) X down|let go of X"),
    ("push", "(push|move|slide) X (to the )?W"),
    ("touch", "touch X|put your hand on X"),
    ("point", "point (your hand )?(at|to) X|show me X"),
    ("hand_over", "(give|hand|bring) me X|hand over X|hand X over"),
    ("pick_up", "(pick|lift) up X|(pick|lift) X up|(take|lift|grab) X"),
    ("go_home", "go (back )?home|move your arm (back )?home|go back to your place"),
    ("wave", "wave"),
    ("nod", "nod"),
)
EXAMPLES = "put the red cube into the blue bowl, push the ball to the left, pick up the green cone, point at the box, wave, go home"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be done, and the names of what it is done with, without articles."""

    verb: Verb
    thing: str = ""
    other: str = ""
    way: Way | None = None


def understood(request: str) -> Wanted:
    """What a request means.

    Raises:
        InputError: it is none of what can be done at the table.
    """
    said = " ".join(words(normalize(request)))
    for verb, form in _FORMS:
        for pattern in form.split("|") if "(" not in form else _alternatives(form):
            found = re.search(_regex(pattern), said)
            if found is not None:
                parts = {name: " ".join((text or "").split()) for name, text in found.groupdict().items()}
                way = _WAYS[parts["way"]] if "way" in parts else None
                return Wanted(verb=verb, thing=parts.get("thing", ""), other=parts.get("other", ""), way=way)
    raise InputError(f"nothing that can be done at the table is asked for in {request!r}; ask for something like: {EXAMPLES}")


def _alternatives(form: str) -> list[str]:
    """Splits at the bars that are in no bracket."""
    return re.split(r"\|(?![^(]*\))", form)


def _regex(pattern: str) -> str:
    name = rf"(?:(?:the|a|an) )?(?P<{{}}>(?:(?:{'|'.join(SIZES)}) )?(?:(?:{'|'.join(COLORS)}) )?(?:{'|'.join(SHAPES)}))"
    way = f"(?P<way>{'|'.join(_WAYS)})"
    return rf"\b{pattern.replace('X', name.format('thing')).replace('Y', name.format('other')).replace('W', way)}\b"


def table_for(wanted: Wanted, seed: int) -> tuple[Scene, Task]:
    """A table with what is asked for on it, each by a name that fits nothing else there, and the task.

    Raises:
        InputError: no table was found: it cannot be done with such things.
    """
    rng = np.random.default_rng([seed, 43])
    for _ in range(TRIES):
        scene = sample_scene(rng, int(rng.integers(*THINGS)))
        names = View(scene).names
        tasks = possible(scene) if _are_there(wanted, names) else []
        fitting = [task for task in tasks if _fits(wanted, task, names)]
        if fitting and (wanted.verb not in HOLDING or can_take(scene, fitting[0])):
            return scene, fitting[0]
    things = " and ".join(f"a {name}" for name in (wanted.thing, wanted.other) if name)
    raise InputError(
        f"no table was found on which {things} allow that: what is put into something has to be smaller, and balls stand on nothing; "
        "ask for other things, or for another size"
    )


def plan_for(request: str, voice: str, seed: int) -> Plan:
    """An episode in which that is asked for, by a voice, and a reply by which an expert's deeds are accompanied.

    Raises:
        InputError: as of `understood` and `table_for`.
    """
    scene, task = table_for(understood(request), seed)
    rng, text = np.random.default_rng([seed, 47]), normalize(request)
    answer = doing.spoken(rng, View(scene), task)
    return Plan(
        kind="do",
        voice=voice,
        scene=scene,
        text=text,
        sound=voiced(open_voice(voice), text, rng),
        verb=task.verb,
        task=task,
        replies=(answer.ego,),
        answers=(answer.answer,),
    )


def _are_there(wanted: Wanted, names: tuple[tuple[str, ...], ...]) -> bool:
    return all(not name or any(name in known for known in names) for name in (wanted.thing, wanted.other))


def _fits(wanted: Wanted, task: Task, names: tuple[tuple[str, ...], ...]) -> bool:
    named = all(i is None or name in names[i] for i, name in ((task.thing, wanted.thing), (task.other, wanted.other)))
    return named and (task.verb, task.way) == (wanted.verb, wanted.way)
