"""What the slots of an engine feel, as its steps take it."""

from roboego.model.model import RoboEgoModel, StepInput
from roboego.runtime.frame import Feeling


class SlotSenses:
    """Each slot's latest readings, in memory that is taken once. To be made and used in inference mode."""

    def __init__(self, model: RoboEgoModel, slots: int) -> None:
        self._fusion = model.fusion
        self._felt = model.fusion.sense_memory(slots)

    def feel(self, slot: int, feeling: Feeling) -> None:
        """What a slot's session feels before its next step."""
        for name, reading in feeling.readings.items():
            self._fusion.feel(name, self._felt[name], slot, reading)
        for name, standing in feeling.standing.items():
            self._felt[name].standing[slot] = standing

    def forget(self, slot: int) -> None:
        """A slot has felt nothing."""
        for felt in self._felt.values():
            felt.clear(slot)

    def give(self, step_in: StepInput) -> None:
        """Hands all slots' readings to a step."""
        step_in.senses = self._felt or None
