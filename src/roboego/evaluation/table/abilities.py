"""What a model can do at the table, or an error that says what it lacks."""
# Q readings of the robot's own state, S pads, P points

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roboego.actions.bins import ActionBins
from roboego.actions.robot import Sensed
from roboego.errors import InputError
from roboego.model.loaded import LoadedModel
from roboego.sim.body import BODY
from roboego.sim.robot import TableRobot


@dataclass(frozen=True, kw_only=True)
class Feel:
    """What a model is told of what the robot feels.

    Attributes:
        shapes: of the readings that it takes, by name: "body" [Q], "touch" [S], "points" [P, 3].
    """

    shapes: Mapping[str, tuple[int, ...]]

    @property
    def points(self) -> int:
        """P: how many points the camera is to measure; 0: none."""
        return self.shapes["points"][0] if "points" in self.shapes else 0

    def readings(self, felt: Sensed, points: NDArray[np.float32] | None, withheld: Collection[str]) -> dict[str, NDArray[np.float32]]:
        """What `Session.step` takes as `sense`: readings by name, without those that there are none of and those that are withheld.

        Args:
            points: up to [P, 3] where the camera has measured anew; None elsewhere.
        """
        found = {"body": felt.body.astype(np.float32), "touch": felt.touch.astype(np.float32)}
        if points is not None:
            found["points"] = points
        return {name: reading for name, reading in found.items() if name in self.shapes and name not in withheld}


def picture_size(loaded: LoadedModel) -> int:
    """Pixels a side of the pictures that the model's encoder takes.

    Raises:
        InputError: the model does not see, or came without its encoder.
    """
    if not loaded.model.config.sees:
        raise InputError(f"{loaded.name} does not see: name a model with sight")
    if loaded.vision is None:
        raise InputError(f"{loaded.name} came without its picture encoder: put it into the model's folder, as `roboego export` does")
    return loaded.vision.config.image_size


def action_bins(loaded: LoadedModel) -> ActionBins:
    """What the model's actions mean.

    Raises:
        InputError: the model does not act, or moves another robot.
    """
    layout = loaded.model.config.layout
    if not layout.action_dims:
        raise InputError(f"{loaded.name} does not act (its layout has no action_dims): name a model that does, or --policy expert")
    if layout.action_dims != TableRobot.dims:
        raise InputError(
            f"{loaded.name} moves a robot of {layout.action_dims} dimensions, and the one at the table has {TableRobot.dims}: "
            "name a model that was trained at the table"
        )
    return ActionBins(dims=layout.action_dims, bins=layout.action_bins)


def feel(loaded: LoadedModel) -> Feel | None:
    """What the model is told of what the robot feels; None if it has no senses.

    Raises:
        InputError: it has those of another robot.
    """
    found = Feel(shapes={sense.name: sense.shape for sense in loaded.model.config.senses})
    for name, shape in found.shapes.items():
        if shape != SHAPES.get(name, (found.points, 3) if name == "points" else None):
            raise InputError(f"{loaded.name} feels {name} as {list(shape)}, as the robot at the table does not: name a model trained there")
    return found if found.shapes else None


def check_feels(loaded: LoadedModel) -> Feel:
    """The same.

    Raises:
        InputError: the model has no stream for senses, or one for another robot.
    """
    found = feel(loaded)
    if found is None:
        raise InputError(f"{loaded.name} does not feel (it has no senses): name a model that does, or --policy expert")
    return found


SHAPES = {"body": (len(BODY),), "touch": (2,)}
"""Of the readings of the robot at the table; the camera measures as many points as are wanted."""
