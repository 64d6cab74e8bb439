"""The experiment on sight: the same questions about the same pictures, seen in one way after another by the same model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from roboego.errors import InputError
from roboego.evaluation.partners import EnginePartner
from roboego.evaluation.table import vqa
from roboego.evaluation.table.ego import ModelEgo
from roboego.evaluation.table.suites import into_context
from roboego.model.config import ModelConfig
from roboego.model.loaded import LoadedModel
from roboego.runtime.context_sight import SightPolicy


@dataclass(frozen=True, kw_only=True)
class Way:
    """How pictures reach the model beside their vectors, as of `Engine.open`."""

    policy: SightPolicy
    details: bool

    def is_of(self, config: ModelConfig) -> bool:
        """Whether a model of this shape can see so."""
        return (not self.details or config.glance is not None) and (self.policy == "stream" or config.context_width > 0)


WAYS = {
    "vector": Way(policy="stream", details=False),
    "glances": Way(policy="stream", details=True),
    "context": Way(policy="context", details=False),
    "auto": Way(policy="auto", details=False),
    "glances and auto": Way(policy="auto", details=True),
}
"""The fused vector alone; glances at the latest picture's tokens; every picture's tokens in the context (time-division multiplexing); the
latest one's there where the model is unsure."""


def check(loaded: LoadedModel) -> None:
    """Raises an InputError if the model sees in one way alone."""
    if len(_ways_of(loaded)) < 2:
        raise InputError(f"{loaded.name} sees in one way alone: name a model that glances at pictures or takes them into its context")


def compare(loaded: LoadedModel, tables: Sequence[vqa.Shown]) -> dict[str, Any]:
    """What `vqa.summary` tells of each way that the model has, and how often pictures went into its context."""
    return {name: _seen(loaded, way, tables) for name, way in _ways_of(loaded).items()}


def _ways_of(loaded: LoadedModel) -> dict[str, Way]:
    return {name: way for name, way in WAYS.items() if way.is_of(loaded.model.config)}


def _seen(loaded: LoadedModel, way: Way, tables: Sequence[vqa.Shown]) -> dict[str, Any]:
    partner = EnginePartner(loaded, sight=way.policy, details=way.details)
    questions = vqa.asked(ModelEgo(partner), tables, [one.picture for one in tables])
    context = into_context(partner.engine.counts)
    return vqa.summary(questions) | {"context": context | {"a_question": context["into_context"] / len(questions)}}
