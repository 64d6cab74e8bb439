"""Requests to move something: the tasks that they mean, what Ego says while it does them, and what it says when it cannot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from roboego.data.grounded.conflicts import in_another_color, only_sees
from roboego.data.grounded.presence import absent
from roboego.data.grounded.view import View
from roboego.data.talk.answer import Answer
from roboego.data.talk.grammar import Pattern, Rng, Slots, chance, patterns, pick
from roboego.data.talk.lexicon import with_article
from roboego.sim.tasks import Task, Verb, possible


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request and what comes of it, not yet dressed up.

    Attributes:
        task: what is to be done; None: nothing, since it cannot be done.
        ego: what is said as it begins, or why it does not.
    """

    verb: Verb
    user: str
    ego: str
    answer: Answer
    task: Task | None


_ASK: Mapping[Verb, tuple[Pattern, ...]] = {
    "point": patterns("point (at|to) {the}", "show me {the}", "point your hand at {the}"),
    "touch": patterns("touch {the}", "put your hand on {the}", "go and touch {the}"),
    "push": patterns("push {the} {way}", "move {the} {way}", "slide {the} {way}"),
    "pick_up": patterns("pick up {the}", "pick {the} up", "take {the}", "lift {the}", "grab {the}", "lift {the} up"),
    "put_next_to": patterns("put {the} next to {other}", "place {the} next to {other}", "(set|put) {the} beside {other}"),
    "put_into": patterns("put {the} into {other}", "place {the} inside {other}", "drop {the} into {other}", "put {the} in {other}"),
    "put_on": patterns("put {the} on top of {other}", "stack {the} on {other}", "place {the} on {other}"),
    "put_down": patterns("put {it} down", "put down {the}", "let go of {the}", "set {it} down"),
    "hand_over": patterns("(give|hand) me {the}", "hand {the} over", "hand over {the}", "bring me {the}"),
    "wave": patterns("wave [at me|to me|your hand]", "wave hello"),
    "nod": patterns("nod [your head|twice]", "nod for me"),
    "go_home": patterns("go [back] home", "move your arm [back] home", "go back to your place"),
    "stop": patterns("stop", "stop moving", "stop it", "wait", "hold on", "stop right there"),
}
_FRAMES = patterns(
    "{act}.",
    "please {act}.",
    "(can|could|would|will) you [please] {act}?",
    "(i want|i'd like|i would like|i need) you to {act}.",
    "now {act}.",
    "{act}, please.",
    "do me a favor and {act}.",
    "try to {act}.",
    "show me how you {act}.",
)
_SAY: Mapping[Verb, tuple[Pattern, ...]] = {
    "point": patterns("i am pointing at {the}.", "okay, i am pointing at {the}."),
    "touch": patterns("i am touching {the}.", "okay, i am touching {the}."),
    "push": patterns("i am pushing {the} {way}.", "okay, i am pushing {the} {way}."),
    "pick_up": patterns("i am picking up {the}.", "okay, i am picking up {the}.", "sure, i am lifting {the}."),
    "put_next_to": patterns("i am putting {the} next to {other}.", "okay, i am putting {the} next to {other}."),
    "put_into": patterns("i am putting {the} into {other}.", "okay, i am putting {the} into {other}."),
    "put_on": patterns("i am putting {the} on top of {other}.", "okay, i am putting {the} on {other}."),
    "put_down": patterns("i am putting {the} down.", "okay, i am putting {the} down."),
    "hand_over": patterns("i am handing you {the}.", "here is {the}.", "sure, i am handing you {the}."),
    "wave": patterns("i am waving at you.", "sure, i am waving."),
    "nod": patterns("i am nodding now.", "okay, i am nodding."),
    "go_home": patterns("i am going home.", "okay, i am going home."),
    "stop": patterns("okay, i stop.", "i have stopped.", "okay, i am waiting."),
}
_SAID: Mapping[Verb, tuple[str, ...]] = {
    "wave": ("waving",), "nod": ("nodding",), "go_home": ("going home",), "stop": ("stop", "stopped", "waiting"),
}  # fmt: skip
"""Words of which one is said where no thing is named."""
_WAYS = {
    "left": ("to the left", "left"),
    "right": ("to the right", "right"),
    "away": ("away", "away from me"),
    "closer": ("closer", "closer to me", "towards me"),
}
"""How a way is said, the one that Ego takes up first."""
_NOT_THERE = patterns("there is no {thing}.", "i cannot do that. there is no {thing}.", "sorry, i do not see {a}.")
COLOR_NAMED = 0.6
"""How often Ego says in which color it is there."""
_ABSENT_VERBS: tuple[Verb, ...] = ("point", "touch", "push", "pick_up", "put_into", "hand_over")


def request(rng: Rng, view: View, verb: Verb | None = None) -> Asked | None:
    """Something that can be done here, of a kind or of any; None where there is nothing of that kind, or no name for it."""
    tasks = [t for t in possible(view.scene) if verb in (None, t.verb) and is_named(view, t)]
    if not tasks:
        return None
    kinds = sorted({t.verb for t in tasks})
    chosen = pick(rng, kinds)
    task = pick(rng, [t for t in tasks if t.verb == chosen])
    return spoken(rng, view, task)


def spoken(rng: Rng, view: View, task: Task) -> Asked:
    """A request for a task, and what Ego says to it."""
    slots: dict[str, str] = {}
    if task.thing is not None:
        slots["the"] = view.called(rng, task.thing)
        slots["it"] = pick(rng, ("it", slots["the"]))
    if task.other is not None:
        slots["other"] = view.called(rng, task.other)
    if task.way is not None:
        slots["way"] = pick(rng, _WAYS[task.way])
    user = _framed(rng, _ASK[task.verb], slots)
    if task.way is not None:
        slots["way"] = _WAYS[task.way][0]
    ego = pick(rng, _SAY[task.verb]).sample(rng, slots)
    named: list[tuple[str, ...]] = [(name.removeprefix("the "),) for key, name in slots.items() if key in ("the", "other")]
    named = named or [_SAID[task.verb]]
    return Asked(verb=task.verb, user=user, ego=ego, answer=Answer(all_of=tuple(named), none_of=("there is no", "cannot")), task=task)


def impossible(rng: Rng, view: View) -> Asked | None:
    """A request about a thing that is not there; None if none comes to mind."""
    parts = absent(rng, view)
    verb = pick(rng, _ABSENT_VERBS)
    others = [i for i in range(len(view)) if view.names[i] and view.things[i].thing.holds]
    if parts is None or (verb == "put_into" and not others):
        return None
    name = " ".join(w for w in parts if w)
    slots = {"the": f"the {name}", "way": pick(rng, _WAYS[pick(rng, tuple(_WAYS))])}
    if others:
        slots["other"] = view.called(rng, pick(rng, others))
    _, color, shape = parts
    there = in_another_color(view, color, shape) if color else None
    if there is not None and chance(rng, COLOR_NAMED):
        ego, answer = only_sees(color, there)
    else:
        ego = pick(rng, _NOT_THERE).sample(rng, {"thing": name, "a": with_article(name)})
        answer = Answer(all_of=((f"no {name}", f"not see {with_article(name)}"),), none_of=("i am",))
    return Asked(verb=verb, user=_framed(rng, _ASK[verb], slots), ego=ego, answer=answer, task=None)


def _framed(rng: Rng, options: Sequence[Pattern], slots: Slots) -> str:
    act = pick(rng, options).sample(rng, slots)
    return pick(rng, _FRAMES, [p.weight for p in _FRAMES]).sample(rng, {"act": act})


def is_named(view: View, task: Task) -> bool:
    """Whether what a task is about has names that fit nothing else."""
    return all(i is None or view.names[i] for i in (task.thing, task.other))
