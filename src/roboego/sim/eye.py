"""The camera: pictures, and the points that it measures."""
# H high, W wide, P points

import os
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from roboego.errors import InputError
from roboego.sim.mjcf import CAMERA_DEGREES
from roboego.sim.physics import mujoco
from roboego.sim.table import Table

WIDTH, HEIGHT = 224, 224
NOTHING, ARM = -1, -2
_FAR_M = 1.6


class Eye:
    """Looks at a table; use it as a context, or close it.

    Args:
        height, width: of its pictures, in pixels.
        camera: its name, or a camera of MuJoCo's.
    Raises:
        InputError: this machine cannot draw.
    """

    def __init__(self, table: Table, height: int = HEIGHT, width: int = WIDTH, *, camera: str | mujoco.MjvCamera = "eye") -> None:
        self._model, self._data, self._camera = table.model, table.data, camera
        self._shows = np.array([*(_shown(table, geom) for geom in range(table.model.ngeom)), NOTHING], np.int16)
        try:
            self._renderer = mujoco.Renderer(table.model, height, width)
        except Exception as error:  # GL libraries raise whatever they like
            raise InputError(
                f"nothing can be drawn with MUJOCO_GL={os.environ.get('MUJOCO_GL', '')}: install Debian's libosmesa6 and set "
                f"MUJOCO_GL=osmesa, or set MUJOCO_GL=egl ({error})"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._renderer.close()

    def turn_to(self, table: Table) -> None:
        """Looks at another table from now on, which costs a tenth of a new camera.

        Args:
            table: its things have the shapes, sizes and labels of those before, in the same order.
        """
        self._model.geom_rgba[:], self._model.light_diffuse[:] = table.model.geom_rgba, table.model.light_diffuse
        self._data = table.data

    def picture(self) -> NDArray[np.uint8]:
        """What is seen now: [H, W, 3]."""
        self._renderer.update_scene(self._data, camera=self._camera)
        seen: NDArray[np.uint8] = self._renderer.render().copy()
        return seen

    def depth(self) -> NDArray[np.float32]:
        """Metres along the camera's axis [H, W]; infinite beyond the table."""
        self._renderer.enable_depth_rendering()
        self._renderer.update_scene(self._data, camera=self._camera)
        far: NDArray[np.float32] = self._renderer.render().copy()
        self._renderer.disable_depth_rendering()
        far[far > _FAR_M] = np.inf
        return far

    def things(self) -> NDArray[np.int16]:
        """Which thing each pixel shows [H, W], by its place in the scene; `NOTHING`, or `ARM`."""
        self._renderer.enable_segmentation_rendering()
        self._renderer.update_scene(self._data, camera=self._camera)
        seen = self._renderer.render()
        self._renderer.disable_segmentation_rendering()
        geoms = np.where(seen[..., 1] == int(mujoco.mjtObj.mjOBJ_GEOM), seen[..., 0], -1)
        shown: NDArray[np.int16] = self._shows[geoms]
        return shown

    def points(self, count: int = 256, rng: np.random.Generator | None = None) -> NDArray[np.float32]:
        """Points that the camera measures [P, 3], on the table's axes, drawn at random among those that lie higher than its top; fewer of
        them only if fewer are seen. Points of the arm are among them."""
        far_HW = self.depth()
        height, width = far_HW.shape
        focal = 0.5 * height / np.tan(np.deg2rad(CAMERA_DEGREES) / 2)
        rows, columns = np.nonzero(np.isfinite(far_HW))
        far = far_HW[rows, columns]
        seen = np.stack([(columns + 0.5 - width / 2) * far / focal, (height / 2 - rows - 0.5) * far / focal, -far], 1)
        turn, at = self._data.camera("eye").xmat.reshape(3, 3), self._data.camera("eye").xpos
        points: NDArray[np.float32] = (seen @ turn.T + at).astype(np.float32)
        points = points[points[:, 2] > 0.004]
        chosen = (rng or np.random.default_rng(0)).permutation(len(points))[:count]
        return points[np.sort(chosen)]


def _shown(table: Table, geom: int) -> int:
    """What a geom belongs to: a thing, the arm, or nothing that is asked about."""
    name = table.model.body(table.model.body_rootid[table.model.geom_bodyid[geom]]).name
    return int(name.removeprefix("thing")) if name.startswith("thing") else ARM if name == "hand" else NOTHING
