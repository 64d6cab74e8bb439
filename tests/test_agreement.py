"""The comparison of steps with whole grids, on models so small that it can be seen to compare."""

from dataclasses import replace

import pytest
import torch

from agreement import agreement, conversation, streamed, whole
from roboego.model.config import ModelConfig
from roboego.model.loaded import LoadedModel
from roboego.model.model import Batch
from roboego.model.native.backbone import NativeStack
from tiny import LIVELY, tiny_config, tiny_loaded

CAPTIONS = tiny_config(model={"caption_head": True})
DELAYS = tiny_config(delays=(0, 2, 1), action_dims=2, action_bins=5, model={"caption_head": True, "tied_head": False})
PLAIN = tiny_config(reads=False, model={"spoken_head": False})
FRAMES = 60


def held(loaded: LoadedModel) -> Batch:
    layout = loaded.model.config.layout.listen
    return conversation(loaded, torch.randint(layout.entries, (2, FRAMES, layout.codebooks), generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("native", [True, False], ids=["compiled", "plain"])
@pytest.mark.parametrize("config", [CAPTIONS, DELAYS, PLAIN], ids=["captions", "delays, actions", "no heads"])
def test_in_float32_steps_choose_what_whole_grids_choose(config: ModelConfig, native: bool) -> None:
    loaded = tiny_loaded(config, sampling=replace(LIVELY, wait_or_write=config is CAPTIONS))
    batch = held(loaded)
    assert batch.text.shape == (2, FRAMES - config.layout.speak.max_delay)
    found = agreement(streamed(loaded, batch, native=native), whole(loaded, batch))
    streams = {"text", "speak"} | ({"spoken"} if config.spoken_head else set()) | ({"caption"} if config.caption_head else set())
    assert found == dict.fromkeys(streams | ({"act"} if config.layout.action_dims else set()), 1.0)


def test_another_models_choices_are_told_apart_in_every_stream() -> None:
    loaded, other = tiny_loaded(DELAYS, sampling=LIVELY), tiny_loaded(DELAYS, seed=1)
    batch = held(loaded)
    found = agreement(streamed(other, batch), whole(loaded, batch))
    assert max(found.values()) < 0.7, found


def test_in_bfloat16_the_compiled_step_is_what_is_compared() -> None:
    loaded, half = tiny_loaded(CAPTIONS, sampling=LIVELY), tiny_loaded(CAPTIONS)
    half.model.bfloat16()
    assert isinstance(half.model.initial_state(1).cache.steps, NativeStack)
    batch = held(loaded)
    found = agreement(streamed(half, batch), whole(loaded, batch))
    assert min(found.values()) > 0.8, found
