"""How one session feels: readings in, and how it stands with each sense before a step."""
# P points, Q numbers of a reading

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from roboego.errors import InputError
from roboego.model.config import SenseConfig
from roboego.model.senses import FRESH, NONE, STALE
from roboego.runtime.frame import Feeling, NotFelt

Reading = NDArray[np.float32]


class SessionSenses:
    """Takes in what a session's robot feels.

    A reading counts until another one comes, as fresh for `SenseConfig.fresh_frames` and then as stale. One with NaN or infinite numbers is
    none, and makes what was felt before stale at once.

    Args:
        name: of the model, for errors.
    """

    def __init__(self, name: str, senses: Iterable[SenseConfig]) -> None:
        self._name, self._configs = name, {sense.name: sense for sense in senses}
        self._ages: dict[str, int] = {}
        self._stale: set[str] = set()
        self._off: set[str] = set()

    def use(self, names: Iterable[str]) -> None:
        """Feels with these senses alone from the next step on; the others are missing, whatever is given.

        Raises:
            InputError: the model has no such sense.
        """
        wanted = set(names)
        self._check_names(wanted)
        self._off = set(self._configs) - wanted

    def checked(self, given: Mapping[str, ArrayLike] | None) -> dict[str, Reading]:
        """Readings of the shapes that the model takes; a cloud of fewer points is filled up with zeros, one of more is thinned out.

        Raises:
            InputError: the model has no such sense, or takes other readings.
        """
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            raise InputError(f"sense must be a mapping of names to readings, such as {{'touch': [0.0, 0.0]}}, not {type(given).__name__}")
        self._check_names(given)
        return {name: _shaped(self._configs[name], reading) for name, reading in given.items()}

    def feel(self, checked: Mapping[str, Reading]) -> Feeling:
        """What is felt before the next step, given what `checked` returned."""
        readings: dict[str, Tensor] = {}
        lost: list[NotFelt] = []
        for name, sense in self._configs.items():
            if name in self._ages:
                self._ages[name] += 1
            if name in self._off:
                continue
            reading = checked.get(name)
            if reading is not None and np.isfinite(reading).all():
                readings[name] = torch.from_numpy(reading)
                self._ages[name] = 0
                self._stale.discard(name)
            elif name in self._ages and name not in self._stale:
                reason = self._why_stale(sense, reading)
                if reason:
                    self._stale.add(name)
                    lost.append(NotFelt(name, reason))
        return Feeling(readings=readings, standing={name: self._standing(name) for name in self._configs}, lost=tuple(lost))

    def _why_stale(self, sense: SenseConfig, reading: Reading | None) -> str:
        if reading is not None:
            return "its reading has NaN or infinite numbers; check the sensor"
        if self._ages[sense.name] >= sense.fresh_frames:
            return f"no reading came for {self._ages[sense.name]} frames; check the sensor, or switch the sense off"
        return ""

    def _standing(self, name: str) -> int:
        if name in self._off or name not in self._ages:
            return NONE
        return STALE if name in self._stale else FRESH

    def _check_names(self, names: Iterable[str]) -> None:
        foreign = sorted(set(names) - set(self._configs))
        if foreign and not self._configs:
            raise InputError(f"{self._name} has no stream for senses; leave `sense` out")
        if foreign:
            raise InputError(f"{self._name} has no sense {', '.join(foreign)}; it has {', '.join(self._configs)}")


def _shaped(sense: SenseConfig, given: ArrayLike) -> Reading:
    """A reading as the model takes it."""
    try:
        reading = np.array(given, np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"a reading of {sense.name} is made of numbers ({error})") from error
    if not sense.points:
        if reading.shape != sense.shape:
            raise InputError(f"a reading of {sense.name} is {sense.size} numbers, not of shape {list(reading.shape)}")
        return reading
    if reading.ndim != 2 or reading.shape[1] != sense.size:
        raise InputError(f"a reading of {sense.name} is points [n, {sense.size}], not of shape {list(reading.shape)}")
    cloud = np.zeros(sense.shape, np.float32)
    chosen = reading if len(reading) <= sense.points else reading[np.linspace(0, len(reading) - 1, sense.points).astype(int)]
    cloud[: len(chosen)] = chosen
    return cloud
