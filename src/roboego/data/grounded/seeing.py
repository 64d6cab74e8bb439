"""Questions about what is seen, by topic, with the answers that are true of a scene."""

from roboego.data.grounded import detail, placement, presence, properties
from roboego.data.grounded.asked import Ask, Asked
from roboego.data.grounded.view import View
from roboego.data.talk.grammar import Rng, pick

TOPICS: dict[str, tuple[tuple[Ask, float], ...]] = {
    "color": ((properties.color, 3.0), (properties.same_color, 0.6)),
    "shape": ((properties.shape, 2.5),),
    "size": ((properties.size, 1.0), (properties.bigger, 0.8)),
    "count": ((presence.count, 2.5),),
    "existence": ((presence.existence, 2.5),),
    "relation": ((placement.relation, 3.0),),
    "place": ((placement.place, 1.5), (placement.at_place, 1.0), (placement.outermost, 0.8)),
    "describe": ((presence.describe, 0.8),),
    "label": ((properties.label, 6.0),),
}
"""Kinds of question by topic, with how often they come up."""
DETAIL: dict[str, tuple[tuple[Ask, float], ...]] = {"detail": ((detail.each_thing, 1.0),)}
"""What is learned from beside them, where it is asked for."""


def ask_about(rng: Rng, view: View, topic: str | None = None, tries: int = 20) -> Asked | None:
    """A question about a scene, of a topic or of any of `TOPICS`; None where the scene has nothing to ask about."""
    kinds = [k for group in TOPICS.values() for k in group] if topic is None else [*(TOPICS | DETAIL)[topic]]
    for _ in range(tries):
        asked = pick(rng, [k for k, _ in kinds], [w for _, w in kinds])(rng, view)
        if asked is not None:
            return asked
    return None
