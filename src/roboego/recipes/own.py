"""nano taught further with recordings of one's own, which `roboego data import` made grids of."""

import shutil
from collections.abc import Callable
from dataclasses import replace

from roboego.errors import InputError
from roboego.loading import WEIGHTS
from roboego.recipes import nano
from roboego.recipes.nano_data import Places
from roboego.recipes.perform import WORDS_HEARD, WORDS_SAID
from roboego.recipes.runs import Run
from roboego.sound.files import appearing_in

SHARE = 0.5
"""Of the frames that one's own recordings take. The rest is what nano learned before, as far as it is there: it is not to be forgotten."""
KINDS = ("asr-user-train", "tts-ego-train", "dialogue-train", "asr-dialogue-train")
STEPS, LEARNING_RATE = 1_000, 3e-4
EAR_ALONE = 150
"""Steps for the ear that names phones, which packaged weights come without."""


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
    kept = [(prefix, share) for prefix, share in base.pools if there(prefix)]
    # Exchanges need the words of both sides; where there are none, they are read alone.
    spoken = all(any(prefix.startswith(kinds) for prefix, _ in kept) for kinds in (WORDS_HEARD, WORDS_SAID))
    assembled, written = (base.assembled, base.written) if spoken else (0.0, base.assembled + base.written)
    whole = sum(share for _, share in kept) + written + assembled
    pools = [*((prefix, SHARE / len(theirs)) for prefix in theirs), *((prefix, (1 - SHARE) * share / whole) for prefix, share in kept)]
    judged = _validation(name, there)
    # Conversations of a model that writes nothing down have no transcripts.
    twins = [pair for pair in ((f"dialogue-train-{name}-", f"asr-dialogue-train-{name}-"),) if there(pair[1])]
    return replace(
        base,
        name=f"nano-own-{name}",
        start=str(WEIGHTS / "nano"),
        stage=replace(base.stage, rows=4, ear_alone=EAR_ALONE),
        loop=replace(base.loop, steps=STEPS, learning_rate=LEARNING_RATE, decay=0.7, warmup=50, validate_every=250),
        pools=tuple(pools),
        written=(1 - SHARE) * written / whole,
        assembled=(1 - SHARE) * assembled / whole,
        validation=judged,
        transcripts=(*twins, *base.transcripts),
    )


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
    source = WEIGHTS / "nano"
    places.tools.parent.mkdir(parents=True, exist_ok=True)
    with appearing_in(places.tools) as folder:
        shutil.copytree(source / "codec", folder / "codec")
        shutil.copy(source / "tokenizer.json", folder / "tokenizer.json")
    return True
