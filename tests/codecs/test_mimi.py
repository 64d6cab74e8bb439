"""Our streaming Mimi against transformers' offline one, on random weights; and streaming against offline, slot by slot."""
# B batch (slots), N samples, T frames, K codebooks, D latent width

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.testing import assert_close
from transformers import MimiConfig as ReferenceConfig
from transformers import MimiModel

from roboego.codecs.base import Codec
from roboego.codecs.mimi import MimiCodec
from roboego.errors import InputError, ShapeError
from roboego.timebase import FRAME_SAMPLES, seconds_to_samples

K = 8
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_filters": 4,
    "codebook_size": 64,
    "codebook_dim": 16,
    "vector_quantization_hidden_dimension": 16,
    "num_quantizers": 10,
    "upsample_groups": 32,
    "num_hidden_layers": 2,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "head_dim": 8,
}
ODD: dict[str, Any] = SMALL | {
    "num_residual_layers": 2,
    "dilation_growth_rate": 3,
    "upsampling_ratios": [4, 5, 3, 8],
    "kernel_size": 5,
    "last_kernel_size": 4,
    "residual_kernel_size": 4,
    "pad_mode": "replicate",
    "compress": 1,
    "use_conv_shortcut": True,
    "vector_quantization_hidden_dimension": 32,
    "codebook_dim": 32,
    "num_semantic_quantizers": 2,
    "upsample_groups": 8,
    "num_key_value_heads": 2,
    "head_dim": 12,
    "sliding_window": 9,
    "attention_bias": True,
}
"""Every option away from its default, and a window of only four frames and a half."""


@dataclass
class Pair:
    """A reference, its weights opened by our codec, a clip, and what the reference makes of it."""

    reference: MimiModel
    codec: MimiCodec
    folder: Path
    pcm_BN: Tensor
    latent_BTD: Tensor
    codes_BTK: Tensor

    def windowless_latents(self) -> Tensor:
        """What the reference would give if it ignored the attention window."""
        config = self.reference.encoder.encoder_transformer.config
        window, config.sliding_window = config.sliding_window, 10_000
        try:
            return reference_latents(self.reference, self.pcm_BN)
        finally:
            config.sliding_window = window


@pytest.fixture(scope="module", params=["small", "odd", pytest.param("full", marks=pytest.mark.slow)])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    shape = {"small": SMALL, "odd": ODD, "full": {}}[request.param]
    return make_pair(shape, 1 if request.param == "full" else 2, tmp_path_factory.mktemp("mimi"))


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> MimiCodec:
    """A codec whose ring wraps every few frames."""
    return make_pair(ODD, 1, tmp_path_factory.mktemp("odd")).codec


@torch.no_grad()
def make_pair(shape: dict[str, Any], batch: int, folder: Path) -> Pair:
    random = torch.Generator().manual_seed(0)
    # The reference takes transformer positions at 25 Hz for granted unless told the frame rate.
    reference = MimiModel(ReferenceConfig(**shape, frame_rate=12.5)).eval()
    randomise(reference, random)
    pcm_BN = clip(batch, 12.0, random)
    latent_BTD = reference_latents(reference, pcm_BN)
    fit_codebooks(reference, latent_BTD, random)
    reference.save_pretrained(folder)
    codes_BTK = reference.quantizer.encode(latent_BTD.transpose(1, 2), K).permute(1, 2, 0)
    return Pair(reference, MimiCodec.from_folder(folder, codebooks=K), folder, pcm_BN, latent_BTD, codes_BTK)


def randomise(reference: MimiModel, random: torch.Generator) -> None:
    """Weights that keep the signal's scale, with attention and MLP branches of the same order as what they add to."""
    for name, parameter in reference.named_parameters():
        module = reference.get_submodule(name.rpartition(".")[0])
        if name.endswith("layer_scale.scale"):
            parameter.uniform_(0.2, 0.6, generator=random)
        elif isinstance(module, nn.LayerNorm):
            parameter.normal_(float(name.endswith("weight")), 0.2, generator=random)
        elif isinstance(module, nn.ConvTranspose1d) and parameter.dim() == 3:
            fan_in = parameter.shape[0] // module.groups * parameter.shape[2] / module.stride[0]
            parameter.normal_(0, fan_in**-0.5, generator=random)
        elif parameter.dim() >= 2:
            parameter.normal_(0, parameter[0].numel() ** -0.5, generator=random)
        else:
            parameter.normal_(0, 0.1, generator=random)


def fit_codebooks(reference: MimiModel, latent_BTD: Tensor, random: torch.Generator) -> None:
    """Entries near what is to be coded, so that codes vary; their sums and counts as training would leave them, one never used."""
    quantizer = reference.quantizer
    for part in (quantizer.semantic_residual_vector_quantizer, quantizer.acoustic_residual_vector_quantizer):
        left_BWT = latent_BTD.transpose(1, 2)
        left_MW = (part.input_proj(left_BWT) if part.input_proj else left_BWT).transpose(1, 2).flatten(0, 1)
        for layer in part.layers:
            codebook = layer.codebook
            drawn = torch.randint(len(left_MW), (codebook.codebook_size,), generator=random)
            entries_EW = left_MW[drawn] + 0.5 * left_MW.std() * torch.randn(codebook.embed_sum.shape, generator=random)
            codebook.cluster_usage.uniform_(0.5, 2.0, generator=random)
            codebook.cluster_usage[0] = 0
            codebook.embed_sum.copy_(entries_EW * codebook.cluster_usage.clamp(min=codebook.epsilon)[:, None])
            codebook._embed = None
            left_MW = left_MW - codebook.decode(codebook.encode(left_MW))


def clip(batch: int, seconds: float, random: torch.Generator) -> Tensor:
    """Low-passed noise in bursts, with true silence between."""
    noise_BN = torch.randn(batch, seconds_to_samples(seconds), generator=random)
    soft_BN = F.avg_pool1d(noise_BN[:, None], 9, 1, 4)[:, 0]
    loud_BT = (torch.rand(batch, soft_BN.shape[1] // FRAME_SAMPLES, generator=random) > 0.3) * torch.rand(batch, 1, generator=random)
    return (soft_BN * loud_BT.repeat_interleave(FRAME_SAMPLES, 1)).clamp(-1, 1)


@torch.no_grad()
def reference_latents(reference: MimiModel, pcm_BN: Tensor) -> Tensor:
    latent_BTD: Tensor = reference.encoder(pcm_BN[:, None]).latents.transpose(1, 2)
    return latent_BTD


@torch.no_grad()
def reference_gaps(reference: MimiModel, latent_BTD: Tensor, codes_BTK: Tensor) -> Tensor:
    """How much farther the second nearest entry is than the nearest, at each of the reference's own codes: [B, T, K]."""
    quantizer, gaps = reference.quantizer, []
    parts = (quantizer.semantic_residual_vector_quantizer, quantizer.acoustic_residual_vector_quantizer)
    for part, codes in zip(parts, codes_BTK.tensor_split((quantizer.num_semantic_quantizers,), -1), strict=True):
        left_BWT = latent_BTD.transpose(1, 2)
        left_BTW = (part.input_proj(left_BWT) if part.input_proj else left_BWT).transpose(1, 2)
        for layer, codes_BT in zip(part.layers, codes.unbind(-1), strict=False):
            nearest = torch.cdist(left_BTW.double(), layer.codebook.embed.double()).topk(2, largest=False).values
            gaps.append(nearest[..., 1] - nearest[..., 0])
            left_BTW = left_BTW - layer.codebook.decode(codes_BT)
    return torch.stack(gaps, -1)


def test_latents_match_transformers(pair: Pair) -> None:
    assert 0.1 < pair.latent_BTD.std() < 10
    assert_close(pair.codec.latents(pair.pcm_BN), pair.latent_BTD, atol=1e-4, rtol=0)


def test_reference_and_clip_see_the_window(pair: Pair) -> None:
    past_window = pair.codec.config.sliding_window // pair.codec.config.latent_stride + 1
    apart_BTD = (pair.windowless_latents() - pair.latent_BTD).abs()
    assert apart_BTD[:, past_window:].max() > 1e-2
    assert apart_BTD[:, : past_window - 1].max() < 1e-5


def test_codes_match_transformers(pair: Pair) -> None:
    assert all(len(codes.unique()) > 30 for codes in pair.codes_BTK.unbind(-1))
    gaps_BTK = reference_gaps(pair.reference, pair.latent_BTD, pair.codes_BTK)
    same_BTK = pair.codec.encode(pair.pcm_BN) == pair.codes_BTK
    semantic = pair.codec.config.num_semantic_quantizers
    for part in (slice(None, semantic), slice(semantic, None)):
        # A codebook codes what those before it left: it is held to account as long as they agree.
        clear_BTK = (gaps_BTK[..., part] > 1e-4).cumprod(-1).bool()
        assert clear_BTK.float().mean() > 0.95
        assert same_BTK[..., part][clear_BTK].all()


@torch.no_grad()
def test_sound_from_equal_codes_matches_transformers(pair: Pair) -> None:
    expected_BN = pair.reference.decode(pair.codes_BTK.transpose(1, 2), return_dict=True).audio_values[:, 0]
    assert 0.1 < expected_BN.std() < 10
    assert_close(pair.codec.decode(pair.codes_BTK), expected_BN, atol=1e-4, rtol=0)


def test_steps_match_the_whole_file(pair: Pair) -> None:
    """The other way round than slots: one slot, every frame a step, past the window."""
    codec, state, speaker = pair.codec, pair.codec.initial_encoder_state(1), pair.codec.initial_decoder_state(1)
    latents, sound = [], []
    for frame, pcm_BN in enumerate(pair.pcm_BN[:1].split(FRAME_SAMPLES, dim=1)):
        latent, state = codec.latents_chunk(pcm_BN, state)
        pcm, speaker = codec.decode_step(pair.codes_BTK[:1, frame], speaker)
        latents.append(latent)
        sound.append(pcm)
    assert_close(torch.cat(latents, 1), codec.latents(pair.pcm_BN[:1]), atol=1e-4, rtol=0)
    assert_close(torch.cat(sound, 1), codec.decode(pair.codes_BTK[:1]), atol=1e-4, rtol=0)


STARTS = [[0], [0, 7, 23], [5], [11, 12]]
"""Frames at which each of four slots starts a new session."""


def lives(starts: list[int], frames: int) -> list[slice]:
    """The stretches of frames between a slot's starts; before its first start it hears other things."""
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], frames], strict=True)]


def starting(frame: int) -> Tensor:
    return torch.tensor([frame in starts for starts in STARTS])


def test_encoding_slots_that_start_at_different_frames(odd: MimiCodec) -> None:
    pcm_BTN = clip(len(STARTS), 3.2, torch.Generator().manual_seed(1)).unflatten(1, (-1, FRAME_SAMPLES))
    state, latents, codes = odd.initial_encoder_state(len(STARTS)), [], []
    copy = odd.initial_encoder_state(len(STARTS))
    for frame, pcm_BN in enumerate(pcm_BTN.unbind(1)):
        for each in (state, copy):
            each.reset(starting(frame))
        latent, state = odd.latents_chunk(pcm_BN, state)
        code, copy = odd.encode_step(pcm_BN, copy)
        latents.append(latent)
        codes.append(code)
    for slot, starts in enumerate(STARTS):
        for life in lives(starts, len(latents)):
            alone_BN = pcm_BTN[slot : slot + 1, life].flatten(1)
            assert_close(torch.cat(latents, 1)[slot : slot + 1, life], odd.latents(alone_BN), atol=1e-4, rtol=0)
            assert (torch.stack(codes, 1)[slot : slot + 1, life] == odd.encode(alone_BN)).float().mean() > 0.99


def test_decoding_slots_that_start_at_different_frames(odd: MimiCodec) -> None:
    codes_BTK = torch.randint(odd.entries, (len(STARTS), 40, K), generator=torch.Generator().manual_seed(2))
    state, sound = odd.initial_decoder_state(len(STARTS)), []
    for frame, codes_BK in enumerate(codes_BTK.unbind(1)):
        state.reset(starting(frame))
        pcm_BN, state = odd.decode_step(codes_BK, state)
        sound.append(pcm_BN)
    for slot, starts in enumerate(STARTS):
        for life in lives(starts, len(sound)):
            assert_close(torch.stack(sound, 1)[slot, life].flatten(), odd.decode(codes_BTK[slot : slot + 1, life])[0], atol=1e-4, rtol=0)


def test_a_broken_slot_harms_no_other_and_a_reset_heals_it(odd: MimiCodec) -> None:
    pcm_BN = clip(2, 0.8, torch.Generator().manual_seed(3))
    state = odd.initial_encoder_state(2)
    broken = pcm_BN[:, :FRAME_SAMPLES].clone()
    broken[0] = torch.nan
    first, state = odd.latents_chunk(broken, state)
    assert first[0].isnan().all()
    state.reset(torch.tensor([True, False]))
    rest = []
    for frame in pcm_BN[:, FRAME_SAMPLES:].split(FRAME_SAMPLES, dim=1):
        latent, state = odd.latents_chunk(frame, state)
        rest.append(latent)
    assert_close(torch.cat(rest, 1)[:1], odd.latents(pcm_BN[:1, FRAME_SAMPLES:]), atol=1e-4, rtol=0)
    assert_close(torch.cat((first, *rest), 1)[1:], odd.latents(pcm_BN[1:]), atol=1e-4, rtol=0)


def test_days_into_a_session_nothing_has_changed(odd: MimiCodec) -> None:
    pcm_BN = clip(1, 3.2, torch.Generator().manual_seed(4))
    young, old = odd.initial_encoder_state(1, frames=40), odd.initial_encoder_state(1, frames=40)
    old.transformer.position_B += 25 * 86_400 * 30
    expected, latents = odd.latents_chunk(pcm_BN, young)[0], odd.latents_chunk(pcm_BN, old)[0]
    # Past two layers' windows, the empty ring that the old session took for its past is forgotten.
    assert_close(latents[:, 15:], expected[:, 15:], atol=1e-4, rtol=0)


def test_a_step_keeps_its_state_where_it_is_and_of_the_same_size(odd: MimiCodec) -> None:
    state = odd.initial_encoder_state(1)
    pcm_BN = clip(1, 0.08, torch.Generator().manual_seed(5))

    def tensors(part: Any) -> list[tuple[int, torch.Size]]:
        if isinstance(part, Tensor):
            return [(part.data_ptr(), part.shape)]
        if isinstance(part, list):
            return [found for each in part for found in tensors(each)]
        return [] if part is None else [found for field in fields(part) for found in tensors(getattr(part, field.name))]

    before = tensors(state)
    for _ in range(30):
        _, state = odd.encode_step(pcm_BN, state)
    assert tensors(state) == before


def test_fewer_codebooks_are_the_first_ones(pair: Pair) -> None:
    fewer = MimiCodec.from_folder(pair.folder, codebooks=4)
    pcm_BN = pair.pcm_BN[:1, : 10 * FRAME_SAMPLES]
    assert_close(fewer.encode(pcm_BN), pair.codec.encode(pcm_BN)[..., :4])
    assert fewer.fingerprint == pair.codec.fingerprint


def test_it_is_a_codec(odd: MimiCodec) -> None:
    assert isinstance(odd, Codec)
    assert (odd.codebooks, odd.entries, odd.delay_samples) == (K, 64, 0)
    assert not any(parameter.requires_grad for parameter in odd.parameters())


@pytest.mark.parametrize("shape", [(1, 1919), (1, 0), (1920,), (1, 1, 1920), (1, 2 * 1920)])
def test_sound_of_the_wrong_shape_is_refused(odd: MimiCodec, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"sound"):
        odd.encode_step(torch.zeros(shape), odd.initial_encoder_state(1))


@pytest.mark.parametrize("shape", [(1, K - 1), (K,), (2, K), (1, 1, K)])
def test_codes_of_the_wrong_shape_are_refused(odd: MimiCodec, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="codes must be"):
        odd.decode_step(torch.zeros(shape, dtype=torch.int64), odd.initial_decoder_state(1))


def test_whole_files_of_the_wrong_shape_are_refused(odd: MimiCodec) -> None:
    with pytest.raises(ShapeError, match="fill the last frame up"):
        odd.encode(torch.zeros(1, 2000))
    with pytest.raises(ShapeError, match="T at least 1"):
        odd.decode(torch.zeros(1, 0, K, dtype=torch.int64))
    with pytest.raises(ShapeError, match="does not fit a state made for"):
        odd.encode_chunk(torch.zeros(1, 2 * FRAME_SAMPLES), odd.initial_encoder_state(1))


def test_wrong_values_are_refused(odd: MimiCodec) -> None:
    with pytest.raises(InputError, match="floating point"):
        odd.encode(torch.zeros(1, FRAME_SAMPLES, dtype=torch.int16))
    for code in (-1, odd.entries):
        with pytest.raises(InputError, match="from 0 to 63"):
            odd.decode(torch.full((1, 1, K), code))
