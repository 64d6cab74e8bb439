"""The packaged nano: it opens, converses with the packaged recordings, and chooses the same in bfloat16."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import roboego
from agreement import Choices, agreement, conversation, streamed, whole
from roboego.loading import WEIGHTS
from roboego.model.loaded import LoadedModel
from roboego.model.model import Batch
from roboego.perception.files import load_vit
from roboego.perception.picture import to_pixels
from roboego.recipes import nano as recipe
from roboego.sim.scene import MOST_THINGS
from roboego.sound.reading import SoundReader
from roboego.timebase import FRAME_SAMPLES

MODEL = os.environ.get("ROBOEGO_TEST_MODEL", "nano")
CLIPS = sorted(Path(os.environ.get("ROBOEGO_TEST_SOUNDS", WEIGHTS / "demo")).glob("*.flac"))
packaged = pytest.mark.skipif(not (WEIGHTS / "nano" / "config.json").exists(), reason="the package carries no weights yet")
heard = pytest.mark.skipif(
    not CLIPS or (MODEL == "nano" and not (WEIGHTS / "nano" / "config.json").exists()),
    reason="the package carries no weights yet: ROBOEGO_TEST_MODEL names a model's folder, ROBOEGO_TEST_SOUNDS one of flac files",
)


@cache
def nano(dtype: torch.dtype = torch.float32) -> LoadedModel:
    return roboego.load(MODEL, dtype=dtype)


@cache
def held() -> Batch:
    """What nano hears of the recordings and a little silence after each, and what it does."""
    loaded = nano()
    assert loaded.codec is not None
    parts = []
    for clip in CLIPS:
        with SoundReader(clip) as sound:
            parts += [*sound, np.zeros(40 * FRAME_SAMPLES, np.float32)]
    codes = loaded.codec.listener().encode(torch.from_numpy(np.concatenate(parts))[None])
    return conversation(loaded, codes[..., : loaded.model.config.layout.listen.codebooks])


@heard
def test_nano_answers() -> None:
    made, text = held(), nano().model.config.layout.text
    words = int((made.text >= text.first_word).sum())
    assert words >= 3 * len(CLIPS)
    assert (made.text == text.wait).float().mean() > 0.5
    assert int(made.spoken.max()) > 3


@heard
@pytest.mark.parametrize("choices", [streamed, whole], ids=["step by step", "all at once"])
def test_bfloat16_chooses_what_float32_chooses(choices: Callable[[LoadedModel, Batch], Choices]) -> None:
    """Step by step is what a user runs: the compiled step."""
    found = agreement(choices(nano(torch.bfloat16), held()), whole(nano(), held()))
    assert MODEL != "nano" or found.keys() >= {"text", "spoken", "speak", "caption"}
    assert min(found.values()) >= 0.99, found


@packaged
def test_the_packaged_picture_encoder_is_the_recipes_and_sees_what_changes() -> None:
    vit = load_vit(WEIGHTS / "nano" / "vision")
    assert vit.config == recipe.vit()
    side = vit.config.image_size
    table = np.full((side, side, 3), 150, np.uint8)
    thing = table.copy()
    thing[96:128, 96:128] = (200, 20, 20)
    with torch.inference_mode():
        pictures = torch.stack([to_pixels(picture, side) for picture in (table, thing)])
        patches, tokens = vit.patches(pictures), vit(pictures).tokens
    apart = (patches[1] - patches[0]).norm(dim=-1).reshape(side // 16, side // 16)
    assert apart[6:8, 6:8].mean() > 2 * apart[10:, 10:].mean()
    assert tokens.shape == (2, MOST_THINGS, vit.config.width)
    assert (tokens[1] - tokens[0]).norm() > 1


@packaged
def test_the_package_stays_small() -> None:
    shards = [path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()]
    assert sum(shards) <= 64 * 2**20
    assert max(shards) <= 16 * 2**20
