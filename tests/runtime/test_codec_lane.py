"""Codecs whose slots may sit out a frame: those whose slots are independent, and those whose slots share a ring."""

import random
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from roboego.codecs.mimi import MimiCodec
from roboego.codecs.mimi.config import MimiConfig
from roboego.runtime.codec_lane import CodecLane
from tiny import CODEBOOKS, ENTRIES, tiny_codec


def mimi() -> MimiCodec:
    torch.manual_seed(0)
    return MimiCodec(MimiConfig(**MIMI), CODEBOOKS).eval()


MIMI: dict[str, Any] = {
    "hidden_size": 16, "num_filters": 2, "codebook_size": ENTRIES, "codebook_dim": 8, "vector_quantization_hidden_dimension": 8,
    "num_quantizers": 4, "upsample_groups": 16, "num_hidden_layers": 1, "intermediate_size": 16, "num_attention_heads": 2,
    "num_key_value_heads": 2, "head_dim": 8, "sliding_window": 12,
}  # fmt: skip


@pytest.fixture(params=["embedded", "mimi"])
def codec(request: pytest.FixtureRequest) -> Any:
    return tiny_codec() if request.param == "embedded" else mimi()


def test_codec_slots_that_sit_out_keep_their_state(codec: Any) -> None:
    rng, frames, slots = random.Random(0), 40, 3
    pcm = torch.rand(slots, frames, 1920) - 0.5
    lane = CodecLane(codec.encode_step, codec.initial_encoder_state, slots)
    back = CodecLane(codec.decode_step, codec.initial_decoder_state, slots)
    taken = [0] * slots
    codes: list[list[torch.Tensor]] = [[] for _ in range(slots)]
    sounds: list[list[torch.Tensor]] = [[] for _ in range(slots)]
    with torch.inference_mode():
        while min(taken) < frames:
            held = [b for b in range(slots) if taken[b] == frames or rng.random() < 0.3]
            if len(held) == slots:
                continue
            column = lane.step(torch.stack([pcm[b, min(taken[b], frames - 1)] for b in range(slots)]), held)
            sound = back.step(column, held)
            for b in set(range(slots)) - set(held):
                taken[b] += 1
                codes[b].append(column[b])
                sounds[b].append(sound[b])
        whole = codec.encode(pcm.reshape(slots, -1))
        assert torch.equal(torch.stack([torch.stack(c) for c in codes]), whole)
        assert_close(torch.stack([torch.cat(s) for s in sounds]), codec.decode(whole), atol=1e-4, rtol=0)
        lane.reset([1], slots, torch.device("cpu"))
        assert torch.equal(lane.step(pcm[:, 0], [0, 2])[1], whole[1, 0])
