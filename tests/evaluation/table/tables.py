"""A table, plans for it without a voice, and a model that sees and acts, as small as they go."""

from dataclasses import replace
from typing import Any

import numpy as np

from roboego.actions.bins import ActionBins
from roboego.data.talk.answer import Answer
from roboego.evaluation.table.ego import Ego, ScriptedEgo, play
from roboego.evaluation.table.episode import Episode
from roboego.evaluation.table.plan import Meanwhile, Plan
from roboego.model.loaded import LoadedModel
from roboego.sim.scene import Placed, Scene
from roboego.sim.tasks import Task
from roboego.sim.things import Thing
from tiny import tiny_config, tiny_loaded, tiny_vit

FRAME = 1_920
CUBE = Thing(shape="cube", color="green", size="big")
CONE = Thing(shape="cone", color="red", size="small")
SCENE = Scene(things=(Placed(thing=CUBE, x=0.18, y=0.05), Placed(thing=CONE, x=0.0, y=-0.08)))
LIFT = Task(verb="pick_up", thing=1)
SAYS = Answer(all_of=(("cone",),))
STOPS = Answer(all_of=(("stop",),))
BINS = ActionBins()


def tone(frames: int) -> np.ndarray:
    return (0.2 * np.sin(np.arange(frames * FRAME) / 20)).astype(np.float32)


def lifting(**changes: Any) -> Plan:
    """Somebody asks for five frames that the cone be lifted."""
    plan = Plan(
        kind="do",
        voice="x",
        scene=SCENE,
        text="lift the cone.",
        sound=tone(5),
        verb="pick_up",
        task=LIFT,
        replies=("i am lifting the cone.",),
        answers=(SAYS,),
    )
    return replace(plan, **changes)


def stopping(**changes: Any) -> Plan:
    """The same, and "stop" for four frames after five of motion."""
    meanwhile = Meanwhile(after_frames=5, text="stop.", sound=tone(4))
    return lifting(
        kind="stop", replies=("i am lifting the cone.", "okay, i stop."), answers=(SAYS, STOPS), meanwhile=meanwhile, halts=True, **changes
    )


def played(plan: Plan, ego: Ego[Episode] | None = None, **given: Any) -> Episode:
    """An episode that is over."""
    (episode,) = play(ego or ScriptedEgo(), [Episode(plan, bins=BINS, **given)])
    return episode


def acting_loaded(*, model: dict[str, Any] | None = None, **layout: Any) -> LoadedModel:
    """A model that sees and acts; `model` and `layout` as of `tiny_config`."""
    widths = {"vision_width": 8, "context_width": 8, **(model or {})}
    return replace(tiny_loaded(tiny_config(looks=True, action_dims=4, action_bins=31, model=widths, **layout)), vision=tiny_vit())
