"""Learning to act alone: the action decoder learns, and all that comes before it stays as it is.

Nothing is forgotten meanwhile, and a step costs a fraction, so that a decoder sees many more motions than a run that learns everything.
"""

import torch
from torch import Tensor

from roboego.model.model import RoboEgoModel
from roboego.training.adapters import AdapterConfig
from roboego.training.lesson import Lesson, Lessons
from roboego.training.loop import Metrics
from roboego.training.stage import StageTask

ACTS_ALONE = AdapterConfig(rank=0, trained=("acting",))
"""What a run trains that learns to act alone."""


class ActionTask(StageTask):
    """Rows in which something is done. Other losses of the stage are left out."""

    def loss(self, batch: Lesson, step: int) -> tuple[Tensor, Metrics]:
        loss = self.acted(batch)
        return loss, {"act": loss.detach()}  # type: ignore[dict-item]

    def acted(self, batch: Lesson) -> Tensor:
        """Loss of what is done."""
        with torch.no_grad():
            felt = self.module.felt(batch.given)
            h_BTW = self.module.hidden(batch.given, felt)
        return self._act(h_BTW, felt, batch)


class HeldOutActions:
    """The same loss of so many batches of held-out episodes, in writing."""

    def __init__(self, lessons: Lessons, count: int) -> None:
        self.lessons, self.count = lessons, count

    @torch.no_grad()
    def __call__(self, model: RoboEgoModel, step: int) -> Metrics:
        task = ActionTask(model, self.lessons.source, self.lessons.config, lambda model, step: {}, sights=self.lessons.sights)
        losses = [float(task.acted(self.lessons[i].to(model.device))) for i in range(self.count)]
        return {"act": sum(losses) / len(losses)}
