"""How one session sees: pictures in, and what of them becomes the latest of its slot or goes into its context."""
# V width of a picture's vector

import time

import torch
from torch import Tensor

from roboego.errors import InputError
from roboego.model.loaded import LoadedModel
from roboego.model.model import RoboEgoModel
from roboego.perception.latest import Encoder, LatestPicture, Sight, ToDetails, check_vector
from roboego.runtime.context_sight import UNSURE, ContextSight, SightPolicy, check_policy
from roboego.runtime.frame import Look


class SessionSight:
    """Looks at what a session is shown.

    Attributes:
        policy: as it was chosen.
        context: takes pictures into the context; None with "stream".

    Args:
        see: encodes pictures; None: only vectors can be given.
        background: pictures are encoded in a thread of their own, see `LatestPicture`.
        unsure: as of `ContextSight`.
        details: whether the latest picture's details are there to be glanced at.
    Raises:
        InputError: the model or the engine does not have what the policy takes.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        see: Encoder | None,
        *,
        background: bool = True,
        policy: SightPolicy = "stream",
        unsure: float = UNSURE,
        details: bool = True,
    ) -> None:
        check_policy(policy, unsure)
        check_sight(loaded, see, policy)
        self._name, self._config, self.policy = loaded.name, loaded.model.config, policy
        sees = see is not None and self._config.sees
        self._eye = _eye(loaded.model, see, background=background, details=details) if sees and see is not None else None
        self.context = None if policy == "stream" else ContextSight(policy, unsure)
        self._latest = self._broken = 0

    def check(self) -> None:
        """Raises InputError if pictures cannot be given: the model does not see, or there is no encoder for them."""
        if not self._config.sees:
            raise InputError(f"{self._name} does not see: leave pictures out")
        if not self._config.vision_width and self._config.glance is None and self.context is None:
            raise InputError(f"{self._name} sees pictures in its context alone: open the session with sight='context'")
        if self._eye is None:
            raise InputError("the engine has no encoder for pictures: pass `see` to Engine, or encode them yourself")

    def look(self, look: Look | None, frame: int) -> Sight | None:
        """What is newly seen before the step `frame`; None if nothing new is.

        Raises:
            InputError: what is given cannot be looked at.
        """
        if isinstance(look, Tensor):
            return self._vector(look)
        if look is not None:
            self.check()
        if self._eye is None:
            return None
        if look is not None:
            self._eye.offer(look)
        sight = self._eye.latest()
        if sight is None or sight.number <= self._latest:
            return None
        self._latest = sight.number
        if self.context is not None:
            self.context.show(sight.tokens, frame)
        return sight

    def not_seen(self) -> str:
        """Why the last of the pictures that failed since this was asked last could not be encoded; "" if none did."""
        if self._eye is None or self._eye.counts.broken == self._broken:
            return ""
        self._broken = self._eye.counts.broken
        return str(self._eye.failure)

    def close(self) -> None:
        """Nothing is looked at any more. Never waits."""
        if self._eye is not None:
            self._eye.close()

    def _vector(self, vector: Tensor) -> Sight:
        """A picture that the caller has encoded: its vector is all there is, and pictures given before it are not seen any more."""
        width = self._config.vision_width
        if not width:
            takes = "takes no vectors of pictures: give the picture itself" if self._config.sees else "does not see: leave pictures out"
            raise InputError(f"{self._name} {takes}")
        check_vector(vector, width)
        if self._eye is not None:
            self._latest = self._eye.counts.offered
        if self.context is not None:
            self.context.blind()
        now = time.monotonic_ns()
        return Sight(vector=vector, tokens=vector.new_zeros(0, width), number=self._latest, offered_ns=now, ready_ns=now)


def check_sight(loaded: LoadedModel, see: Encoder | None, policy: SightPolicy) -> None:
    """Raises InputError if the model, or an engine with that encoder, does not have what the policy takes."""
    if policy != "stream" and not loaded.model.config.context_width:
        raise InputError(f"{loaded.name} takes no pictures into its context: open the session with sight='stream'")
    if policy != "stream" and see is None:
        raise InputError(f"sight={policy!r} needs an encoder for pictures: pass `see` to Engine")


def _eye(model: RoboEgoModel, see: Encoder, *, background: bool, details: bool) -> LatestPicture:
    """An eye that makes of a picture all that the model takes, and refuses what it cannot take."""
    config, glance = model.config, model.config.glance
    tokens: tuple[int | None, int] | None = (None, config.context_width) if config.context_width else None
    if glance is not None:
        tokens = glance.tokens, glance.token_width
    prepare = _details(model) if details else None
    return LatestPicture(see, width=config.vision_width or None, tokens=tokens, details=prepare, background=background)


def _details(model: RoboEgoModel) -> ToDetails | None:
    """Makes keys and values of a picture's tokens."""
    glance = model.glance
    if glance is None:
        return None

    @torch.inference_mode()
    def details(tokens_MV: Tensor) -> tuple[Tensor, Tensor]:
        keys, values = glance.details(tokens_MV[None].to(glance.key_value.weight))
        return keys[0], values[0]

    return details
