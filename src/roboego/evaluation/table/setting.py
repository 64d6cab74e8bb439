"""How episodes are played: by whom, and what is seen and felt of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from roboego.actions.bins import ActionBins
from roboego.evaluation.partners import EnginePartner
from roboego.evaluation.surroundings import QUIET, Surroundings
from roboego.evaluation.table.abilities import Feel, action_bins, check_feels, feel, picture_size
from roboego.evaluation.table.ego import Ego, ModelEgo, ScriptedEgo, play
from roboego.evaluation.table.episode import Episode
from roboego.evaluation.table.outcome import Outcome, outcome
from roboego.evaluation.table.plan import Plan
from roboego.evaluation.talk import Talked
from roboego.model.loaded import LoadedModel
from roboego.runtime.context_sight import SightPolicy


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """Attributes as of `Episode`; `ego` is who is tested."""

    ego: Ego[Episode]
    bins: ActionBins
    picture: int = 0
    feel: Feel | None = None
    around: Surroundings = QUIET

    def play(self, plans: Iterable[Plan]) -> Iterator[tuple[Outcome, Talked]]:
        """What comes of the plans, one after another: no more tables are kept than there are sessions. Each is heard with a noise of its
        own."""
        episodes = (
            Episode(plan, bins=self.bins, picture=self.picture, feel=self.feel, around=replace(self.around, seed=i))
            for i, plan in enumerate(plans)
        )
        return ((outcome(episode), episode.talked) for episode in play(self.ego, episodes))


def of_experts(around: Surroundings = QUIET) -> Setting:
    """The script plays, which knows all and moves by the experts."""
    return Setting(ego=ScriptedEgo(), bins=ActionBins(), around=around)


def of_actor(loaded: LoadedModel, *, sight: SightPolicy | None = None, details: bool = True, around: Surroundings = QUIET) -> Setting:
    """A model plays that sees and acts, and feels if it can.

    Raises:
        InputError: it does not see or act, or is for another robot.
    """
    bins, picture, feels = action_bins(loaded), picture_size(loaded), feel(loaded)
    return Setting(ego=ModelEgo(EnginePartner(loaded, sight=sight, details=details)), bins=bins, picture=picture, feel=feels, around=around)


def of_feeler(loaded: LoadedModel, *, sight: SightPolicy | None = None, details: bool = True, around: Surroundings = QUIET) -> Setting:
    """A model plays that feels, and sees if it can; its arm is led.

    Raises:
        InputError: it does not feel, or is for another robot.
    """
    feels = check_feels(loaded)
    picture = picture_size(loaded) if loaded.model.config.vision_width else 0
    return Setting(
        ego=ModelEgo(EnginePartner(loaded, sight=sight, details=details)), bins=ActionBins(), picture=picture, feel=feels, around=around
    )
