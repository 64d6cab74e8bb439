"""What a shard of demonstrations is to be."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class DemonstrationJob:
    """One shard to record: a dataset of `count` episodes, with pictures of `size` pixels a side."""

    folder: Path
    name: str
    shard: int
    count: int = 50
    size: int = 224
    seed: int = 0

    @property
    def out(self) -> Path:
        """The dataset's folder, which is there once it is complete."""
        return self.folder / f"{self.name}-{self.shard:05d}"
