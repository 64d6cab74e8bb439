"""The simulated robot as any other robot is: it is moved, and it feels."""

import numpy as np

from roboego.actions.bins import Action
from roboego.actions.robot import Sensed
from roboego.sim.env import sensed
from roboego.sim.table import Table


class TableRobot:
    """Implements `roboego.actions.robot.Robot` on a table."""

    dims = 4

    def __init__(self, table: Table) -> None:
        self.table = table

    def move(self, action: Action) -> None:
        self.table.step(np.asarray(action))

    def sense(self) -> Sensed:
        return sensed(self.table)
