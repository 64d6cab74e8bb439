"""A table told thing by thing, with all that is seen of each: an answer that says more about a picture than many questions do."""

from roboego.data.grounded.asked import Asked, ask
from roboego.data.grounded.placement import said_place
from roboego.data.grounded.properties import spelled
from roboego.data.grounded.view import View, full_name, listed
from roboego.data.talk.answer import Answer
from roboego.data.talk.grammar import Rng, patterns

_EACH = patterns(
    "describe each thing [on the table|that you see].",
    "tell me about each thing [on the table|that you see].",
    "(can|could) you tell me about each thing [you see|on the table]?",
    "what is each thing [on the table] and where is it?",
    "name each thing [on the table|that you see] and where it is.",
)


def each_thing(rng: Rng, view: View) -> Asked:
    user = ask(rng, _EACH, {})
    if not len(view):
        return Asked(topic="detail", user=user, ego="there is nothing on the table.", answer=Answer(all_of=(("nothing",),)), kind="request")
    order = sorted(range(len(view)), key=lambda i: view.things[i].x)
    ego = f"from left to right i see {listed([_told(view, i) for i in order])}."
    answer = Answer(all_of=tuple((full_name(view.things[i].thing).split(" ", 1)[1],) for i in order), in_order=False)
    return Asked(topic="detail", user=user, ego=ego, answer=answer, about=tuple(order), kind="request")


def _told(view: View, i: int) -> str:
    """ "a small red cube that says a, seven on the left"."""
    placed = view.things[i]
    says = f" that says {spelled(placed.thing)}" if placed.thing.label else ""
    if placed.below is None:
        where = said_place(view.where(i))
    else:
        under = view.things[placed.below].thing
        where = f"{'inside' if placed.inside is not None else 'on top of'} the {under.color} {under.shape}"
    return f"{full_name(placed.thing)}{says}{where and f' {where}'}"
