"""nano's demonstrations: how many tasks the experts do at how many tables, for nano itself and as datasets for others."""

from roboego.data.demonstrations.job import DemonstrationJob
from roboego.data.episodes import EpisodeJob
from roboego.recipes import nano
from roboego.recipes.nano_data import Places

SHARDS = {"train": 60, "validation": 2}
"""Of 50 episodes, each a dataset of its own, for others."""
OWN_SHARDS = {"train": 200, "validation": 4}
"""Of 50 episodes, for nano: 1,500 episodes it learned by heart."""
SEEDS = {"train": 1, "validation": 2, "test": 3}
"""Tables of different splits are drawn from different seeds."""
SIZE = nano.vit().image_size
"""Pixels a side, as the picture encoder takes them."""


def episodes(places: Places, scale: float = 1.0) -> list[EpisodeJob]:
    """The shards that nano learns from; their pictures lie with the others."""
    return [
        EpisodeJob(folder=places.pictures, name=f"episodes-{name}", shard=i, size=SIZE, seed=SEEDS[name])
        for name, shards in OWN_SHARDS.items()
        for i in range(max(1, round(shards * scale)))
    ]


def demonstrations(places: Places, scale: float = 1.0) -> list[DemonstrationJob]:
    """The shards to record."""
    return [
        DemonstrationJob(folder=places.demonstrations, name=name, shard=i, size=SIZE, seed=SEEDS[name])
        for name, shards in SHARDS.items()
        for i in range(max(1, round(shards * scale)))
    ]
