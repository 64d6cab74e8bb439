"""What was seen and felt in recorded conversations, as a run learns from it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roboego.data.importing.witnessed import Witnessed
from roboego.data.pictures import PictureBank
from roboego.data.sights import SightBank, SightJob, make_sights
from roboego.recipes.runs import Run


def beside(run: Run, prefix: str, data: Path, frames: NDArray[np.int64]) -> Witnessed | None:
    """What belongs to a pool; None: nothing is known.

    Args:
        frames: of each of its grids.
    """
    if prefix not in run.recorded:
        return None
    (shard,) = data.glob(f"{prefix}*.grids")  # an import makes one
    senses = run.model.senses
    return Witnessed(shard, frames, {s.name: s.shape for s in senses}, {s.name: s.fresh_frames for s in senses})


def sights(run: Run, pictures: Path, tools: Path) -> SightBank | None:
    """What the run's picture encoder makes of what was shown, which is done now where it has not been; None: nothing was."""
    if not run.model.sees:
        return None
    indices = [index for prefix in run.recorded for index in sorted(pictures.glob(f"{prefix}*.jsonl"))]
    if not indices:
        return None
    for index in indices:
        make_sights(SightJob(index=index, encoder=tools / "vit"))
    return SightBank(PictureBank(pictures, *(index.stem for index in indices)))
