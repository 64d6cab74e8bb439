"""The embedded codec on disk: `codec.json` and `codec-NN.safetensors`."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError

from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.codecs.embedded.config import EmbeddedCodecConfig
from roboego.errors import CheckpointError
from roboego.strict import from_json, to_json
from roboego.tensorfiles import check_fit, load_shards, save_shards


def rounded(codec: EmbeddedCodec) -> EmbeddedCodec:
    """A copy with weights rounded to bfloat16, as they are stored, and kept in float32: what is saved is what runs."""
    copy = EmbeddedCodec(codec.config)
    copy.load_state_dict({name: tensor.to(torch.bfloat16).float() for name, tensor in codec.state_dict().items()})
    return copy.eval()


def save_codec(codec: EmbeddedCodec, folder: Path) -> None:
    """Writes the codec in bfloat16. Save `rounded(codec)`, so that fingerprints agree."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "codec.json").write_text(json.dumps(to_json(codec.config), indent=1) + "\n", encoding="utf-8")
    save_shards(folder, "codec", codec.state_dict())


def load_codec(folder: Path) -> EmbeddedCodec:
    """Opens a saved codec.

    Raises:
        CheckpointError: files are missing or damaged, or do not fit each other.
    """
    try:
        config = from_json(EmbeddedCodecConfig, json.loads((folder / "codec.json").read_text(encoding="utf-8")), "codec.json")
        codec = EmbeddedCodec(config)
        tensors = load_shards(folder, "codec")
        check_fit(tensors, codec.state_dict())
        codec.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (CheckpointError, OSError, ValueError, RuntimeError, OverflowError, MemoryError, SafetensorError) as error:
        problem = " ".join(str(error).split())[:200]
        raise CheckpointError(f"cannot open the codec in {folder}: {problem}; fetch or train it again") from error
    return codec.eval().requires_grad_(False)
