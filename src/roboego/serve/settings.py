"""What a client may choose for its own session: an allow-list, narrowed by whoever runs the server."""

from collections.abc import Set
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from roboego.errors import InputError
from roboego.model.sampling import Sampling
from roboego.runtime.session import Session
from roboego.streams.alphabet import normalize

MOST_TEXT = 4_000
"""Characters of a text or a prompt."""


class SessionSettings(BaseModel):
    """Of one session; what is left out stays as it is.

    Attributes:
        prompt: read as soon as it comes.
        text_temperature, speech_temperature, speech_top_k, speech_top_p: as of `roboego.model.sampling.StreamSampling`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)] | None = None
    text_temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    speech_temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    speech_top_k: Annotated[int, Field(ge=0, le=1_000)] | None = None
    speech_top_p: Annotated[float, Field(gt=0, le=1)] | None = None

    @property
    def given(self) -> frozenset[str]:
        """The names of what is chosen."""
        return frozenset(self.model_dump(exclude_none=True))


ALL = frozenset(SessionSettings.model_fields)
"""The names of all that a server can leave to its clients."""


def check_allowed(wanted: Set[str], allowed: frozenset[str]) -> None:
    """Raises InputError if a setting is not left to clients."""
    if refused := wanted - allowed:
        raise InputError(f"this server does not leave {', '.join(sorted(refused))} to its clients")


def apply(settings: SessionSettings, session: Session, allowed: frozenset[str] = ALL) -> None:
    """From the next step on, a session is as its client wants it.

    Raises:
        InputError: a setting is not left to clients here, or the model cannot read the prompt. Nothing is changed then.
    """
    check_allowed(settings.given, allowed)
    if settings.prompt is not None:
        session.read(normalize(settings.prompt))
    if settings.given - {"prompt"}:
        session.choose(sampled(session.sampling, settings))


def sampled(sampling: Sampling, settings: SessionSettings) -> Sampling:
    """How a session samples with what is chosen."""
    text, speak = sampling.text, sampling.speak
    if settings.text_temperature is not None:
        text = replace(text, temperature=settings.text_temperature)
    if settings.speech_temperature is not None:
        speak = replace(speak, temperature=settings.speech_temperature)
    if settings.speech_top_k is not None:
        speak = replace(speak, top_k=settings.speech_top_k)
    if settings.speech_top_p is not None:
        speak = replace(speak, top_p=settings.speech_top_p)
    return replace(sampling, text=text, speak=speak)
