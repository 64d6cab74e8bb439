"""nano taught further with recordings of one's own, which `roboego data import` made grids of."""

import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from roboego.data.importing.witnessed import SUFFIX
from roboego.errors import InputError
from roboego.loading import WEIGHTS
from roboego.model.checkpoint import read_config
from roboego.recipes import nano
from roboego.recipes.nano_data import Places
from roboego.recipes.perform import WORDS_HEARD, WORDS_SAID
from roboego.recipes.runs import Run
from roboego.sound.files import appearing_in

PACKAGED = WEIGHTS / "nano"
SHARE = 0.5
"""Of the frames that one's own recordings take. The rest is what nano learned before, as far as it is there: it is not to be forgotten."""
KINDS = ("asr-user-train", "tts-ego-train", "dialogue-train", "asr-dialogue-train")
STEPS, LEARNING_RATE = 1_000, 3e-4
EAR_ALONE = 150
"""Steps for the ear that names phones, which packaged weights come without."""
SHARD = re.compile(r"(.+-0)\d{4}(-\d+)?\.grids")
"""The name of a shard: what is in it, its number, and which variant it is. What the first group finds is no prefix of a longer name's."""


def own(name: str, places: Places) -> Run:
    """The run that goes on from nano with the recordings imported under a name.

    Raises:
        InputError: nothing was imported under it.
    """

    def there(prefix: str) -> bool:
        return any(places.grids.glob(f"{prefix}*.grids"))

    base = nano.sft()
    theirs = [f"{kind}-{name}-" for kind in KINDS if there(f"{kind}-{name}-")]  # another name may begin with this one
    if not theirs:
        raise InputError(f"no grids of {name!r} in {places.grids}; make them with: roboego data import FOLDER --name {name}")
    kept = _kept(base.pools, name, places.grids)
    # Exchanges need the words of both sides; where there are none, they are read alone.
    spoken = all(any(prefix.startswith(kinds) for prefix, _ in kept) for kinds in (WORDS_HEARD, WORDS_SAID))
    assembled, written = (base.assembled, base.written) if spoken else (0.0, base.assembled + base.written)
    whole = sum(share for _, share in kept) + written + assembled
    pools = [*((prefix, SHARE / len(theirs)) for prefix in theirs), *((prefix, (1 - SHARE) * share / whole) for prefix, share in kept)]
    judged = _validation(name, there)
    # Conversations of a model that writes nothing down have no transcripts.
    talks = [prefix for prefix in (*theirs, *(prefix for prefix, _ in kept)) if prefix.startswith("dialogue-train-")]
    twins = [(prefix, f"asr-{prefix}") for prefix in talks if there(f"asr-{prefix}")]
    return replace(
        base,
        name=f"nano-own-{name}",
        model=read_config(PACKAGED).model,
        start=str(PACKAGED),
        stage=replace(base.stage, rows=2, ear_alone=EAR_ALONE),
        loop=replace(base.loop, steps=STEPS, learning_rate=LEARNING_RATE, decay=0.7, warmup=50, validate_every=250),
        pools=tuple(pools),
        recorded=tuple(prefix for prefix in theirs if any(places.grids.glob(f"{prefix}*{SUFFIX}"))),
        written=(1 - SHARE) * written / whole,
        assembled=(1 - SHARE) * assembled / whole,
        validation=judged,
        transcripts=(*twins, *base.transcripts),
    )


def _kept(pools: tuple[tuple[str, float], ...], name: str, grids: Path) -> list[tuple[str, float]]:
    """The pools of what nano learned before, as far as they are there, without what was imported under the name.

    A pool whose prefix takes that in too becomes one pool for each of its other voices, which share its share by their numbers of shards.
    """
    found: list[tuple[str, float]] = []
    for prefix, share in pools:
        voices = Counter(shard[1] for path in grids.glob(f"{prefix}*.grids") if (shard := SHARD.fullmatch(path.name)))
        if not voices.pop(f"{prefix}-{name}-0", 0):
            found += [(prefix, share)] if any(grids.glob(f"{prefix}*.grids")) else []
            continue
        found += [(voice, share * count / voices.total()) for voice, count in sorted(voices.items())]
    return found


def _validation(name: str, there: Callable[[str], bool]) -> tuple[str, str] | None:
    """Held-out sentences to transcribe and to say: one's own where there are some. None unless there are both."""
    found = []
    for kind in ("asr-user-validation", "tts-ego-validation"):
        options = [prefix for prefix in (f"{kind}-{name}-", kind) if there(prefix)]
        if not options:
            return None
        found.append(options[0])
    return found[0], found[1]


def take_tools(places: Places) -> bool:
    """Puts nano's codec and tokenizer where recipes look for them, unless some are there. Returns whether it did."""
    if places.tools.exists():
        return False
    places.tools.parent.mkdir(parents=True, exist_ok=True)
    with appearing_in(places.tools) as folder:
        shutil.copytree(PACKAGED / "codec", folder / "codec")
        shutil.copy(PACKAGED / "tokenizer.json", folder / "tokenizer.json")
        if (PACKAGED / "vision").is_dir():
            shutil.copytree(PACKAGED / "vision", folder / "vit")
    return True
