"""What the slots of an engine see, as its steps take it: the latest pictures' vectors and details."""

import torch

from roboego.model.model import RoboEgoModel, StepInput
from roboego.perception.latest import Sight


class SlotSight:
    """Each slot's latest picture, in memory that is taken once. To be made and used in inference mode."""

    def __init__(self, model: RoboEgoModel, slots: int) -> None:
        width, device = model.config.vision_width, model.device
        self._look = torch.zeros(slots, width, device=device, dtype=model.fusion.table.dtype) if width else None
        self._seen = torch.zeros(slots, dtype=torch.bool, device=device) if width else None
        self._details = None if model.glance is None else model.glance.memory(slots)
        self._detailed: set[int] = set()

    def show(self, slot: int, sight: Sight) -> None:
        """A picture becomes the latest one of a slot. If it has no details, as a vector alone, there are none to glance at."""
        if self._look is not None and self._seen is not None:
            self._look[slot] = sight.vector.to(self._look)
            self._seen[slot] = True
        if self._details is not None and sight.details is not None:
            self._details.put(slot, *sight.details)
            self._detailed.add(slot)
        else:
            self._forget_details(slot)

    def forget(self, slot: int) -> None:
        """A slot has seen nothing."""
        if self._look is not None and self._seen is not None:
            self._look[slot] = 0
            self._seen[slot] = False
        self._forget_details(slot)

    def give(self, step_in: StepInput) -> None:
        """Hands all slots' pictures to a step. While no slot has details, it does not look for any."""
        step_in.look, step_in.seen = self._look, self._seen
        step_in.details = self._details if self._detailed else None

    def warm_up(self, model: RoboEgoModel) -> None:
        """A glance at nothing."""
        if self._details is not None and model.glance is not None:
            model.glance.step(model.fusion.table.new_zeros(len(self._details.seen), model.config.backbone.width), self._details)

    def _forget_details(self, slot: int) -> None:
        if self._details is not None and slot in self._detailed:
            self._details.clear(slot)
            self._detailed.discard(slot)
