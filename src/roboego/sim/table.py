"""The table in motion: physics, the arm that is driven by velocities, and what can be measured of it all."""
# Metres, seconds, newtons; axes as in `roboego.sim.scene`

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roboego.sim.mjcf import HOME_M, OPEN_M, REACH_M, TIMESTEP_S, mjcf
from roboego.sim.physics import mujoco
from roboego.sim.scene import Scene
from roboego.timebase import FRAME_S

Vector = NDArray[np.float64]
SUBSTEPS = round(FRAME_S / TIMESTEP_S)
SPEED_M_S = 0.35
"""What an action of 1 means, along x, y and z."""
GRIP_M_S = 0.12
"""What an action of 1 means for each finger; positive opens."""
OPENING_M = 0.03
"""How far each finger is from the middle at the start."""
_SETTLE_STEPS = 150


@dataclass(frozen=True, kw_only=True)
class Body:
    """Where a thing is: its middle [3], its speed [3], and how upright it stands (1: as it was made, 0: on its side)."""

    position: Vector
    velocity: Vector
    upright: float


class Table:
    """A scene that moves, 80 ms at a time.

    Args:
        scene: what stands where.
        opening: how far each finger is from the middle at the start.
    """

    def __init__(self, scene: Scene, *, opening: float = OPENING_M) -> None:
        self.scene = scene
        xml, assets = mjcf(scene)
        self.model = mujoco.MjModel.from_xml_string(xml, assets)
        self.data = mujoco.MjData(self.model)
        self._pads = [self.model.geom(f"pad_{side}").id for side in ("left", "right")]
        self._bodies = [self.model.body(f"thing{i}").id for i in range(len(scene.things))]
        self.place_hand(np.array(HOME_M), opening)
        mujoco.mj_step(self.model, self.data, _SETTLE_STEPS)

    def place_hand(self, tip: Vector, opening: float) -> None:
        """Puts the fingertips [3] somewhere at once, at rest: to begin there, not to get there."""
        self._targets = np.array([*tip, opening])
        for name, value in zip(("x", "y", "z", "finger_left", "finger_right"), (*tip, opening, opening), strict=True):
            self.data.joint(name).qpos[0] = value
            self.data.joint(name).qvel[0] = 0
        self.data.ctrl[:] = self._targets
        mujoco.mj_forward(self.model, self.data)

    def step(self, action: Vector) -> None:
        """80 ms under an action [4]: velocities along x, y and z and of the fingers, each in [-1, 1]."""
        wanted = np.clip(np.asarray(action, np.float64), -1, 1) * (SPEED_M_S, SPEED_M_S, SPEED_M_S, GRIP_M_S)
        low, high = np.array([*REACH_M, (0.0, OPEN_M)]).T
        for _ in range(SUBSTEPS):
            # The goal stays near the hand: what it is pushed against does not store up force.
            reached = np.array([*self.tip, self.opening])
            self._targets = np.clip(self._targets + wanted * TIMESTEP_S, low, high)
            self._targets[:3] = np.clip(self._targets[:3], reached[:3] - 0.015, reached[:3] + 0.015)
            self._targets[3] = np.clip(self._targets[3], reached[3] - 0.012, reached[3] + 0.012)
            self.data.ctrl[:] = self._targets
            mujoco.mj_step(self.model, self.data)

    @property
    def tip(self) -> Vector:
        """Where the fingertips are [3]."""
        return np.array([self.data.joint(name).qpos[0] for name in "xyz"])

    @property
    def tip_velocity(self) -> Vector:
        """[3], metres a second."""
        return np.array([self.data.joint(name).qvel[0] for name in "xyz"])

    @property
    def opening(self) -> float:
        """How far each finger is from the middle."""
        return float(self.data.joint("finger_left").qpos[0])

    @property
    def effort(self) -> Vector:
        """Forces of the four motors [4], newtons: along x, y and z, and of the fingers."""
        return np.array(self.data.actuator_force)

    @property
    def pads(self) -> Vector:
        """Force on the left and the right pad [2], newtons."""
        return np.array(self.data.sensordata)

    def thing(self, i: int) -> Body:
        body = self.data.body(self._bodies[i])
        velocity = np.zeros(6)
        mujoco.mj_objectVelocity(self.model, self.data, mujoco.mjtObj.mjOBJ_BODY, self._bodies[i], velocity, 0)
        return Body(position=np.array(body.xpos), velocity=velocity[3:], upright=float(body.xmat[8]))

    def touching(self, i: int) -> tuple[bool, bool]:
        """Whether the left and the right pad touch thing `i`."""
        found = [False, False]
        for k in range(self.data.ncon):
            contact = self.data.contact[k]
            for a, b in (contact.geom, contact.geom[::-1]):
                if a in self._pads and self.model.geom_bodyid[b] == self._bodies[i]:
                    found[self._pads.index(a)] = True
        return found[0], found[1]

    @property
    def held(self) -> int | None:
        """The thing that both pads touch and that is off the table; None if there is none."""
        for i, placed in enumerate(self.scene.things):
            if all(self.touching(i)) and self.thing(i).position[2] > placed.thing.height_m / 2 + 0.01:
                return i
        return None
