"""What is asked in the suite `sense`: about what only the hand can tell, which an expert has put to it before."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal, get_args

import numpy as np

from roboego.data.grounded.asked import Asked
from roboego.data.grounded.feeling import Felt, ask_what_is_felt
from roboego.data.grounded.view import View
from roboego.data.talk.dressing import dress
from roboego.data.talk.grammar import Rng, pick
from roboego.data.talk.sampling import MAX_WORDS, split_of
from roboego.data.voices import open_voice
from roboego.data.voices.base import Voice
from roboego.evaluation.table.outcome import Outcome
from roboego.evaluation.table.plan import TEST_SEED, TRIES, NoSentence, Plan, Withheld, can_take, voiced
from roboego.evaluation.talk import rate
from roboego.sim.scene import Scene, sample_scene
from roboego.sim.tasks import Task, Verb, possible
from roboego.streams.alphabet import words

Kind = Literal["holding", "soft", "heavy", "touched"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CONDITIONS: Mapping[str, frozenset[Withheld]] = {
    "all": frozenset(),
    "no_touch": frozenset({"touch"}),
    "no_body": frozenset({"body"}),
    "no_points": frozenset({"points"}),
    "no_sense": frozenset({"touch", "body", "points"}),
    "no_picture": frozenset({"picture"}),
}
"""By name, what Ego is not given: what the pads say, what joints and motors do, what the camera measures, none of it, what it shows."""
_LEADS: Mapping[Kind, tuple[Verb, Verb]] = {
    "holding": ("pick_up", "point"),
    "soft": ("pick_up", "pick_up"),
    "heavy": ("pick_up", "pick_up"),
    "touched": ("touch", "point"),
}
"""What the expert does before, where it is so and where it is not."""


def plans(kind: Kind, voice: str, count: int, *, seed: int = 0) -> list[Plan]:
    """Episodes of a kind; in every other one it is so."""
    rng, speaker = np.random.default_rng([TEST_SEED, 41, seed, KINDS.index(kind)]), open_voice(voice)
    return [_plan(rng, kind, voice, speaker, so=i % 2 == 0) for i in range(count)]


def conditions(has: Collection[str]) -> list[str]:
    """Those that make a difference to somebody who has these senses."""
    return [name for name, without in CONDITIONS.items() if not without or without & set(has)]


def under(condition: str, plan: Plan) -> Plan:
    """The same without what Ego is not given under a condition."""
    return replace(plan, kind=f"{plan.kind} {condition}", withheld=CONDITIONS[condition])


def _plan(rng: Rng, kind: Kind, voice: str, speaker: Voice, *, so: bool) -> Plan:
    for _ in range(TRIES):
        drawn = sample_scene(rng)
        lead = _lead(rng, drawn, _LEADS[kind][not so])
        if lead is None or lead.thing is None:
            continue
        scene = _feeling(drawn, lead.thing, kind, so=so)
        if lead.verb == "pick_up" and not can_take(scene, lead):
            continue
        felt = Felt(held=lead.thing if lead.verb == "pick_up" else None, touched=lead.verb == "touch" if kind == "touched" else None)
        asked = _asked(rng, View(scene), felt, kind)
        return Plan(
            kind=kind,
            voice=voice,
            scene=scene,
            text=asked.user,
            sound=voiced(speaker, asked.user, rng),
            replies=(asked.ego,),
            answers=(asked.answer,),
            about=lead.thing,
            lead=lead,
        )
    raise NoSentence(f"a question of the kind {kind}")


def _lead(rng: Rng, scene: Scene, verb: Verb) -> Task | None:
    """Something of a kind that an expert can do with a solid thing that has a name; None if there is nothing."""
    names = View(scene).names
    tasks = [t for t in possible(scene) if t.verb == verb and t.thing is not None]
    solid = [t for t in tasks if names[t.thing or 0] and not scene.things[t.thing or 0].thing.holds]
    return pick(rng, solid) if solid else None


def _asked(rng: Rng, view: View, felt: Felt, kind: Kind) -> Asked:
    """A question whose sentence is of the test split, dressed up."""
    for _ in range(TRIES):
        asked = ask_what_is_felt(rng, view, felt, kind)
        text = "" if asked is None else dress(rng, asked.user, asked.kind)
        if asked is not None and len(words(text)) <= MAX_WORDS and split_of(text) == "test":
            return replace(asked, user=text)
    raise NoSentence(f"a question of the kind {kind}")


def _feeling(scene: Scene, i: int, kind: Kind, *, so: bool) -> Scene:
    """The same table, where thing `i` feels as it is to."""
    thing = scene.things[i].thing
    thing = replace(thing, soft=so if kind == "soft" else thing.soft, heavy=so if kind == "heavy" else thing.heavy)
    return replace(scene, things=tuple(replace(p, thing=thing) if j == i else p for j, p in enumerate(scene.things)))


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Right answers with 95% intervals: under each condition, in all and by kind."""
    told: dict[str, Any] = {}
    for condition in CONDITIONS:
        found = [(o.kind.split()[0], o.told) for o in outcomes if o.kind.split()[1] == condition]
        if found:
            by_kind = {kind: rate([right for k, right in found if k == kind]) for kind in KINDS if any(k == kind for k, _ in found)}
            told[condition] = {"answered_right": rate([right for _, right in found]), "by_kind": by_kind}
    return told | {"wrong": [asdict(o) for o in outcomes if not o.told and o.kind.endswith(" all")]}
