"""Opening Mimi's folder: config.json and model.safetensors in the hub's format, and everything that can be wrong with them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import MimiConfig as ReferenceConfig
from transformers import MimiModel

from roboego.codecs.mimi import MimiCodec, MimiConfig
from roboego.errors import CheckpointError
from roboego.timebase import SAMPLE_RATE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small checkpoint as transformers writes it, to be damaged."""
    torch.manual_seed(0)
    shape = ReferenceConfig(
        hidden_size=32,
        num_filters=4,
        codebook_size=64,
        codebook_dim=16,
        vector_quantization_hidden_dimension=16,
        num_quantizers=10,
        num_semantic_quantizers=2,
        upsample_groups=32,
        num_hidden_layers=2,
        intermediate_size=64,
        num_attention_heads=4,
        num_key_value_heads=4,
    )
    MimiModel(shape).save_pretrained(tmp_path)
    return tmp_path


def edit_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def edit_tensors(folder: Path, edit: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = load_file(folder / "model.safetensors")
    edit(tensors)
    save_file(tensors, folder / "model.safetensors")


def test_the_hubs_config_is_the_default(tmp_path: Path) -> None:
    """The keys of kyutai/mimi's config.json, written by an older transformers."""
    bookkeeping = {"architectures": ["MimiModel"], "torch_dtype": "float32", "transformers_version": "4.45.0.dev0", "use_cache": False}
    sound = {"model_type": "mimi", "sampling_rate": SAMPLE_RATE, "audio_channels": 1, "frame_rate": 12.5, "normalize": False}
    training = {"attention_dropout": 0.0, "initializer_range": 0.02, "layer_scale_initial_scale": 0.01, "target_bandwidths": [1.5, 24.0]}
    shape = {"hidden_size": 512, "rope_theta": 10000.0, "max_position_embeddings": 8000, "upsampling_ratios": [8, 6, 5, 4], "head_dim": 64}
    causal = {"use_causal_conv": True, "trim_right_ratio": 1.0, "pad_mode": "constant", "hidden_act": "gelu"}
    (tmp_path / "config.json").write_text(json.dumps(bookkeeping | sound | training | shape | causal))
    config = MimiConfig.from_file(tmp_path / "config.json")
    assert config == MimiConfig(head_dim=64)
    assert config.head_width == MimiConfig().head_width == 64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, "unknown keys: colour"),
        ({"use_causal_conv": False}, "use_causal_conv is False"),
        ({"pad_mode": "reflect"}, "pad_mode"),
        ({"sampling_rate": 16_000}, "sampling_rate is 16000"),
        ({"frame_rate": 25.0}, "frame_rate is 25.0"),
        ({"model_type": "encodec"}, "model_type is 'encodec'"),
        ({"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}, "rope_parameters"),
        ({"hidden_size": "32"}, "hidden_size"),
        ({"hidden_size": 32.5}, "hidden_size"),
        ({"upsampling_ratios": [7, 5]}, "half a frame"),
        ({"num_semantic_quantizers": 10}, "num_semantic_quantizers"),
    ],
)
def test_a_config_of_something_else_is_refused(folder: Path, changes: dict[str, object], message: str) -> None:
    edit_config(folder, **changes)
    with pytest.raises(CheckpointError, match=message):
        MimiCodec.from_folder(folder)


def test_missing_and_damaged_files_are_refused(folder: Path) -> None:
    weights, config = folder / "model.safetensors", folder / "config.json"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged"):
        MimiCodec.from_folder(folder)
    weights.write_bytes(b"PK not a safetensors file")
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged"):
        MimiCodec.from_folder(folder)
    weights.unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors does not exist; give a folder"):
        MimiCodec.from_folder(folder)
    for junk in (b'{"hidden_size": 32', b"\xff\xfe", b"[1, 2]"):
        config.write_bytes(junk)
        with pytest.raises(CheckpointError, match=r"config\.json .* download kyutai/mimi again"):
            MimiCodec.from_folder(folder)
    with pytest.raises(CheckpointError, match=r"config\.json does not exist; give a folder"):
        MimiCodec.from_folder(folder / "nowhere")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda tensors: tensors.pop("encoder.layers.0.conv.weight"), r"do not belong together .*encoder\.0\.conv\.weight"),
        (lambda tensors: tensors.pop("decoder_transformer.layers.1.mlp.fc2.weight"), r"lacks 'decoder_transformer\.layers\.1"),
        (lambda tensors: tensors.update({"lm_head.weight": torch.zeros(2)}), r"tensors that a Mimi has not: lm_head\.weight"),
        (lambda tensors: tensors.update({"downsample.conv.weight": torch.zeros(3, 3, 3)}), "do not belong together .*downsample"),
        (lambda tensors: tensors.update({"encoder.layers.9.scale": torch.zeros(1)}), "do not belong together"),
        (lambda tensors: tensors.update({"encoder_transformer.layers.0.mlp.fc1.weight": torch.zeros(1, 1)}), "do not belong together"),
    ],
)
def test_foreign_tensors_are_refused(folder: Path, edit: Callable[[dict[str, Tensor]], object], message: str) -> None:
    edit_tensors(folder, edit)
    with pytest.raises(CheckpointError, match=message):
        MimiCodec.from_folder(folder)


@pytest.mark.parametrize("codebooks", [0, 2, 11])
def test_codebooks_out_of_range_are_refused(folder: Path, codebooks: int) -> None:
    with pytest.raises(CheckpointError, match=f"codebooks must be from 3 to 10, not {codebooks}"):
        MimiCodec.from_folder(folder, codebooks=codebooks)


def test_fingerprint_is_that_of_the_weights(folder: Path) -> None:
    first = MimiCodec.from_folder(folder).fingerprint
    assert len(first) == 64
    assert MimiCodec.from_folder(folder).fingerprint == first
    edit_tensors(folder, lambda tensors: tensors["downsample.conv.weight"][0, 0].add_(1e-3))
    assert MimiCodec.from_folder(folder).fingerprint != first
    config = MimiConfig.from_file(folder / "config.json")
    assert MimiCodec(config).fingerprint != MimiCodec(config).fingerprint
