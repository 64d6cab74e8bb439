"""The packaged nano: it opens, converses with the packaged recordings, and writes the same in bfloat16."""

from functools import cache

import numpy as np
import pytest
import torch

import roboego
from roboego.loading import WEIGHTS
from roboego.model.loaded import LoadedModel
from roboego.model.model import Batch
from roboego.model.rollout import roll_out
from roboego.sound.reading import SoundReader
from roboego.timebase import FRAME_SAMPLES

CLIPS = sorted((WEIGHTS / "demo").glob("*.flac"))
pytestmark = pytest.mark.skipif(not (WEIGHTS / "nano" / "config.json").exists(), reason="the package carries no weights yet")


@cache
def nano(dtype: torch.dtype = torch.float32) -> LoadedModel:
    return roboego.load("nano", dtype=dtype)


@cache
def conversation() -> Batch:
    """What nano hears of the recordings and a little silence after each, and what it does."""
    loaded = nano()
    assert loaded.codec is not None
    parts = []
    for clip in CLIPS:
        with SoundReader(clip) as sound:
            parts += [*sound, np.zeros(40 * FRAME_SAMPLES, np.float32)]
    pcm = torch.from_numpy(np.concatenate(parts))[None]
    listen = loaded.codec.encode(pcm)
    layout = loaded.model.config.layout
    read = torch.full(listen.shape[:2], layout.text.wait)
    read[:, 0] = layout.text.duplex or layout.text.wait
    out = roll_out(loaded.model, listen, read, sampling=loaded.sampling)
    return Batch(out.text, read, out.speak, listen, out.spoken, out.act, out.caption)


def test_nano_answers() -> None:
    made, text = conversation(), nano().model.config.layout.text
    words = int((made.text >= text.first_word).sum())
    assert words >= 3 * len(CLIPS)
    assert (made.text == text.wait).float().mean() > 0.5
    assert int(made.spoken.max()) > 3


def test_bfloat16_chooses_what_float32_chooses() -> None:
    made = conversation()
    with torch.no_grad():
        full, half = nano().model(made), nano(torch.bfloat16).model(made)
    assert full.spoken is not None
    assert half.spoken is not None
    assert full.caption is not None
    assert half.caption is not None
    both = ((full.text, half.text), (full.spoken, half.spoken), (full.speak, half.speak), (full.caption, half.caption))
    for ours, theirs in both:
        assert (ours.argmax(-1) == theirs.argmax(-1)).float().mean() >= 0.99


def test_the_package_stays_small() -> None:
    shards = [path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()]
    assert sum(shards) <= 64 * 2**20
    assert max(shards) <= 16 * 2**20
