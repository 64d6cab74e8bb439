"""`roboego.load`: names, folders, hub ids, and what is said when they cannot be opened."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import huggingface_hub.constants
import pytest
import tokenizers
import torch
from safetensors.torch import load_file, save_file
from transformers import MimiConfig, MimiModel

import roboego
from roboego import loading
from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.codecs.embedded.config import EmbeddedCodecConfig
from roboego.codecs.embedded.files import rounded
from roboego.codecs.mimi import MimiCodec
from roboego.errors import CheckpointError, InputError
from roboego.model.checkpoint import save_model
from roboego.model.config import BackboneConfig, ModelConfig, SpeechDecoderConfig
from roboego.model.foreign.flm_audio import SAMPLING
from roboego.model.loaded import LoadedModel
from roboego.model.model import RoboEgoModel
from roboego.streams.layout import SoundLayout, StreamLayout, TextLayout
from roboego.streams.tokenizer import Tokenizer

GOLDEN = Path(__file__).parent / "golden" / "flm_audio"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint of our own format."""
    torch.manual_seed(0)
    tokenizer = Tokenizer.train(["the red cup is on the table"], vocab_size=120)
    sound = SoundLayout(codebooks=2, entries=16)
    config = ModelConfig(
        layout=StreamLayout(text=TextLayout(ids=len(tokenizer), first_word=len(tokenizer.specials)), speak=sound, listen=sound),
        backbone=BackboneConfig(width=16, layers=1, heads=2, kv_heads=1, head_dim=8, hidden=16, window=8),
        speech=SpeechDecoderConfig(width=8, layers=1, heads=2, hidden=8),
    )
    codec = rounded(EmbeddedCodec(EmbeddedCodecConfig(
        fine_width=8, fine_hidden=8, coarse_width=8, coarse_hidden=8, encoder_fine=1, encoder_coarse=1, decoder_coarse=1, decoder_fine=1,
        codebooks=2, entries=16, code_width=4,
    )))  # fmt: skip
    model = RoboEgoModel(config).to(torch.bfloat16).float()
    loaded = LoadedModel(name="x", model=model, codec=codec, tokenizer=tokenizer, silence=torch.zeros(2, dtype=torch.int64), card="# card")
    folder = tmp_path_factory.mktemp("ours") / "small"
    save_model(loaded, folder)
    return folder


@pytest.fixture(scope="module")
def mimi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Mimi in transformers format, with the fixture's 32 entries."""
    torch.manual_seed(0)
    shape = MimiConfig(
        hidden_size=16, num_filters=2, codebook_size=32, codebook_dim=8, vector_quantization_hidden_dimension=8, num_quantizers=10,
        upsample_groups=16, num_hidden_layers=1, intermediate_size=16, num_attention_heads=2, num_key_value_heads=2, head_dim=8,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("mimi")
    MimiModel(shape).save_pretrained(folder)
    return folder


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import roboego, sys; assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_attributes() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = roboego.lode


def test_our_own_folder(ours: Path) -> None:
    loaded = roboego.load(ours)
    assert isinstance(loaded, roboego.LoadedModel)
    assert loaded.name == str(ours)
    assert loaded.card == "# card"
    assert loaded.codec is not None
    assert loaded.codec.codebooks == 2
    assert loaded.tokenizer is not None
    assert loaded.tokenizer.decode(loaded.tokenizer.encode("the cup")) == "the cup"
    state = loaded.model.initial_state(1)
    assert loaded.model.backbone.step(torch.zeros(1, 16), state.cache)[0].dtype == torch.float32
    assert roboego.load(ours, dtype=torch.bfloat16).model.fusion.table.dtype == torch.bfloat16


def test_names_are_of_models_that_the_package_carries(ours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "WEIGHTS", tmp_path)
    with pytest.raises(CheckpointError, match=r"no model 'nano'.*\(none\)"):
        roboego.load()
    shutil.copytree(ours, tmp_path / "nano")
    assert roboego.load().name == "nano"
    with pytest.raises(CheckpointError, match=r"no model 'mini'.*\(nano\)"):
        roboego.load("mini")


def test_our_folders_carry_their_codec(ours: Path, mimi: Path) -> None:
    with pytest.raises(InputError, match="its own codec"):
        roboego.load(ours, codec=mimi)


def test_damaged_folders_of_ours(ours: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ours, tmp_path / "damaged"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"colour": "red"}))
    with pytest.raises(CheckpointError, match="unknown keys colour"):
        roboego.load(folder)
    (folder / "config.json").write_text(json.dumps(config | {"codec": "0"}))
    with pytest.raises(CheckpointError, match="codec"):
        roboego.load(folder)
    (folder / "config.json").write_text(json.dumps(config))
    shard = folder / "model-00.safetensors"
    save_file(load_file(shard) | {"extra": torch.zeros(1)}, shard)
    with pytest.raises(CheckpointError, match="extra"):
        roboego.load(folder)
    shard.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="do not fit"):
        roboego.load(folder)


@pytest.mark.usefixtures("offline")
def test_flm_audio_without_a_codec() -> None:
    with pytest.warns(UserWarning, match="no codec: kyutai/mimi .* take and give codes"):
        loaded = roboego.load(GOLDEN)
    assert loaded.codec is None
    assert loaded.tokenizer is None
    assert loaded.sampling == SAMPLING
    assert loaded.silence.shape == (8,)


def test_flm_audio_with_a_mimi(mimi: Path) -> None:
    loaded = roboego.load(str(GOLDEN), codec=str(mimi))
    assert isinstance(loaded.codec, MimiCodec)
    assert loaded.silence.max() < 32
    assert roboego.load(GOLDEN, codec=loaded.codec).codec is loaded.codec


def test_flm_audio_with_a_mimi_and_a_tokenizer_beside_it(mimi: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(GOLDEN, tmp_path / "flm"))
    shutil.copytree(mimi, folder / "mimi")
    words = {"[UNK]": 0, "red": 1, "cup": 2}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    inner.add_special_tokens(["<wait>"])
    inner.save(str(folder / "tokenizer.json"))
    loaded = roboego.load(folder)
    assert isinstance(loaded.codec, MimiCodec)
    assert loaded.tokenizer is not None
    assert loaded.tokenizer.encode("red cup") == [1, 2]
    assert loaded.tokenizer.decode([1, 3, 2]) == "red cup"
    inner.add_tokens([f"word{i}" for i in range(300)])
    inner.save(str(folder / "tokenizer.json"))
    with pytest.raises(CheckpointError, match="do not belong together"):
        roboego.load(folder)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match="not a readable tokenizer"):
        roboego.load(folder)


def test_a_codec_of_another_shape(ours: Path) -> None:
    with pytest.raises(InputError, match="2 codebooks of 16 entries, the model 8 of 32"):
        roboego.load(GOLDEN, codec=roboego.load(ours).codec)


@pytest.mark.usefixtures("offline")
def test_hub_ids_without_a_network() -> None:
    with pytest.raises(CheckpointError, match=r"CofeAI/FLM-Audio is no folder here.*connect to the network") as failure:
        roboego.load("CofeAI/FLM-Audio")
    assert len(str(failure.value).splitlines()) == 1
    with pytest.raises(CheckpointError, match="connect to the network"):
        roboego.load(GOLDEN, codec="kyutai/mimi@main")


def test_places_that_are_no_model(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no model"):
        roboego.load(tmp_path / "nowhere")
    (tmp_path / "model.gguf").write_bytes(b"")
    with pytest.raises(CheckpointError, match="is a file"):
        roboego.load(tmp_path / "model.gguf")
    with pytest.raises(CheckpointError, match=r"config.json does not exist"):
        roboego.load(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "qwen2"}')
    with pytest.raises(CheckpointError, match="roboego train post --backbone"):
        roboego.load(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="neither RoboEgo's nor FLM-Audio's"):
        roboego.load(tmp_path)


def test_devices_and_types_that_cannot_be_used(ours: Path) -> None:
    with pytest.raises(InputError, match="device 'nowhere'"):
        roboego.load(ours, device="nowhere")
    with pytest.raises(InputError, match="floating point"):
        roboego.load(ours, dtype=torch.int8)


def test_silence_of_the_released_mimi_is_known() -> None:
    layout = StreamLayout(text=TextLayout(ids=40), speak=SoundLayout(codebooks=8, entries=2048), listen=SoundLayout(codebooks=1, entries=2))
    config = ModelConfig(
        layout=layout,
        backbone=BackboneConfig(width=4, layers=1, heads=1, kv_heads=1, head_dim=4, hidden=4, window=4),
        speech=SpeechDecoderConfig(width=4, layers=1, heads=1, hidden=4),
    )
    assert loading.silence_codes(RoboEgoModel(config), None).tolist() == list(loading.MIMI_SILENCE)
    small = replace(config, layout=replace(layout, speak=SoundLayout(codebooks=3, entries=5)))
    assert loading.silence_codes(RoboEgoModel(small), None).tolist() == [0, 0, 0]
