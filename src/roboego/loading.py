"""`roboego.load`: a model by name, folder or hub id, with all that it needs to run."""

import re
import warnings
from pathlib import Path

import torch

from roboego.codecs.base import Codec
from roboego.codecs.mimi import MimiCodec
from roboego.errors import CheckpointError, InputError
from roboego.folders import put_back
from roboego.hubformat import HubConfig
from roboego.model.checkpoint import FORMAT, load_model, read_card
from roboego.model.foreign import flm_audio
from roboego.model.foreign.text import ForeignTokenizer
from roboego.model.loaded import LoadedModel
from roboego.model.model import RoboEgoModel
from roboego.timebase import FRAME_SAMPLES, seconds_to_frames

WEIGHTS = Path(__file__).parent / "weights"
"""Models that the package carries, one folder each."""
MIMI = "kyutai/mimi"
MODEL_FILES = ("*.json", "model*.safetensors", "codec/*", "vision/*", "README.md")
MIMI_FILES = ("config.json", "model.safetensors")
MIMI_SILENCE = (948, 243, 1178, 546, 1736, 1030, 1978, 2008)
"""Codes of steady silence in the released Mimi, for models that are run without their codec."""
SILENCE_S = 2.0
"""Seconds after which a codec's codes of silence are taken as steady."""
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")


def load(
    model: str | Path = "nano",
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    codec: str | Path | Codec | None = None,
) -> LoadedModel:
    """Opens a model.

    Args:
        model: a name of one that the package carries ("nano"), a folder (ours or in FLM-Audio's format), or a hub id, as
            "CofeAI/FLM-Audio" or "owner/name@revision" (needs the extra `hub`).
        device: where the model and its codec go.
        dtype: floating point type of the model's weights; the codec stays in float32.
        codec: for models in FLM-Audio's format: a codec, or the folder or hub id of a Mimi in transformers format. By default a folder
            `mimi` inside the model's, else kyutai/mimi from the hub; if that cannot be had either, a warning says so, and `codec` of the
            result is None. Our own folders carry their codec, and the picture encoder of a model that sees.
    Raises:
        CheckpointError: there is no such model, or its files are missing, damaged, or of a kind or version that this code does not open.
        InputError: the device, the type or the codec cannot be used.
    """
    check_device(device, dtype)
    folder = find(model, MODEL_FILES)
    name = str(model)
    config = HubConfig.read(folder / "config.json")
    if config.values.get("format") == FORMAT:
        if codec is not None:
            raise InputError(f"{name} carries its own codec, the one it was trained with; leave `codec` out")
        return load_model(folder, name=name, device=str(device), dtype=dtype)
    kind = config.values.get("model_type")
    if kind == flm_audio.MODEL_TYPE:
        return _load_flm_audio(name, folder, device, dtype, codec)
    if kind is not None:
        raise CheckpointError(
            f"{folder} holds a {kind!r}, not a model that hears and speaks; "
            "to train a new one on a Qwen2 or Llama: roboego train post --backbone FOLDER"
        )
    raise CheckpointError(f"{folder / 'config.json'} is neither RoboEgo's nor FLM-Audio's; give another folder")


def find(model: str | Path, files: tuple[str, ...]) -> Path:
    """The folder of a model: carried by the package, given, or fetched from the hub.

    Args:
        files: patterns of the files that are fetched.
    Raises:
        CheckpointError: there is none.
    """
    if isinstance(model, str) and "/" not in model and (WEIGHTS / model / "config.json").exists():
        return WEIGHTS / model
    folder = Path(model)
    put_back(folder)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise CheckpointError(f"{folder} is a file; give the folder that holds config.json and the weights")
    if isinstance(model, str) and HUB_ID.fullmatch(model):
        return fetch(model, files)
    carried = ", ".join(sorted(path.name for path in WEIGHTS.glob("*") if (path / "config.json").exists())) or "none"
    raise CheckpointError(f"no model {str(model)!r}: give a folder, a hub id (owner/name), or a name that the package carries ({carried})")


def fetch(hub_id: str, files: tuple[str, ...]) -> Path:
    """Downloads a repository's files from the Hugging Face hub, or finds them in its cache.

    Raises:
        CheckpointError: the extra `hub` is not installed, there is no such repository, or no network.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError
    except ImportError as error:
        raise CheckpointError(f"{hub_id} is no folder here, and hub ids need an extra: pip install 'roboego[hub]'") from error
    repository, _, revision = hub_id.partition("@")
    try:
        return Path(snapshot_download(repository, revision=revision or None, allow_patterns=list(files), etag_timeout=5))
    except GatedRepoError as error:
        raise CheckpointError(f"{hub_id} wants its terms accepted: do so on huggingface.co, then run `hf auth login`") from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise CheckpointError(f"{hub_id} is neither a folder here nor on the Hugging Face hub; check the name") from error
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"{hub_id} is no folder here and cannot be fetched ({reason}); connect to the network once, or give a local folder"
        ) from error


def check_device(device: str | torch.device, dtype: torch.dtype = torch.float32) -> None:
    """Sees whether tensors can be put there.

    Raises:
        InputError: they cannot, or the type is no floating point type.
    """
    if not dtype.is_floating_point:
        raise InputError(f"dtype must be a floating point type, as torch.float32 or torch.bfloat16, not {dtype}")
    try:
        empty = torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {str(device)!r} cannot be used here ({str(error).splitlines()[0][:120]}); give 'cpu'") from error
    if empty.is_meta:
        raise InputError("device 'meta' holds no numbers; give 'cpu'")


def _load_flm_audio(
    name: str, folder: Path, device: str | torch.device, dtype: torch.dtype, codec: str | Path | Codec | None
) -> LoadedModel:
    model = flm_audio.load_flm_audio(folder, device=device, dtype=dtype)
    found = _mimi(folder, model, device, codec)
    tokenizer = folder / "tokenizer.json"
    return LoadedModel(
        name=name,
        model=model,
        codec=found,
        tokenizer=ForeignTokenizer.load(tokenizer, model.config.layout.text.ids) if tokenizer.exists() else None,
        silence=silence_codes(model, found),
        sampling=flm_audio.SAMPLING,
        card=read_card(folder),
    )


def _mimi(folder: Path, model: RoboEgoModel, device: str | torch.device, given: str | Path | Codec | None) -> Codec | None:
    """The codec of a model in FLM-Audio's format: the one given, one beside the model, the hub's, or none."""
    layout = model.config.layout
    if given is None:
        try:
            place = folder / "mimi" if (folder / "mimi").is_dir() else find(MIMI, MIMI_FILES)
        except CheckpointError as error:
            warnings.warn(f"no codec: {error}; pass it as `codec`. Without one, sessions take and give codes, not sound", stacklevel=4)
            return None
        codec: Codec = MimiCodec.from_folder(place, layout.speak.codebooks).to(device)
    elif isinstance(given, str | Path):
        codec = MimiCodec.from_folder(find(given, MIMI_FILES), layout.speak.codebooks).to(device)
    else:
        codec = given
    if (codec.codebooks, codec.entries) != (layout.speak.codebooks, layout.speak.entries):
        shapes = f"{codec.codebooks} codebooks of {codec.entries} entries, the model {layout.speak.codebooks} of {layout.speak.entries}"
        raise InputError(f"the codec has {shapes}; give the one that the model was trained with")
    return codec


@torch.no_grad()
def silence_codes(model: RoboEgoModel, codec: Codec | None) -> torch.Tensor:
    """Codes [K] of steady silence."""
    sound, device = model.config.layout.speak, model.device
    if codec is not None:
        quiet = torch.zeros(1, seconds_to_frames(SILENCE_S) * FRAME_SAMPLES, device=device)
        return codec.encode(quiet)[0, -1].to(device)
    known = MIMI_SILENCE if (sound.codebooks, sound.entries) == (8, 2048) else (0,) * sound.codebooks
    return torch.tensor(known, device=device)
