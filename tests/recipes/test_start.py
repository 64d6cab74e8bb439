"""Where a run starts: another run, a folder, a given model; adapters on top, and merged again when the run is opened."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

import roboego
from roboego.codecs.embedded.files import rounded, save_codec
from roboego.errors import CheckpointError, InputError
from roboego.model.model import RoboEgoModel
from roboego.recipes import nano
from roboego.recipes.export import export
from roboego.recipes.nano_data import Places
from roboego.recipes.perform import model_for
from roboego.recipes.runs import Run, with_adapters
from roboego.recipes.start import FIRST_SPREAD, RECORD, Adapted, begin_codes, keep_record, open_run, open_start, read_record
from roboego.training.adapters import AdapterConfig, adapted_layers
from roboego.training.checkpoint import frozen_fingerprint, module_state, save_state
from saved import save
from tests.sound.test_writing import files_of_at_most
from tiny import tiny_codec, tiny_config, tiny_loaded, tiny_model, tiny_tokenizer

ADAPTERS = AdapterConfig(rank=2, trained=("heads",))


def checkpoint(model: RoboEgoModel, folder: Path, step: int = 7) -> None:
    save_state(folder / f"step-{step:08d}", {"step": step, "module": module_state(model), "frozen": frozen_fingerprint(model)})


def base(seed: int = 0) -> RoboEgoModel:
    """A model that has been trained as a whole."""
    return tiny_model(seed=seed).requires_grad_(True)


def run(start: str | None = "base", adapters: AdapterConfig | None = ADAPTERS) -> Run:
    plain = replace(nano.sft(), name="stage", model=tiny_config(), start=start)
    return plain if adapters is None else with_adapters(plain, adapters)


def shake(model: RoboEgoModel) -> None:
    """As if it had been trained."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.2)


def hidden(model: RoboEgoModel) -> torch.Tensor:
    tokens = torch.ones(1, 9, model.streams, dtype=torch.int64)
    with torch.no_grad():
        return model.eval().text_logits(model.hidden_from_tokens(tokens))


def test_codes_that_sound_alike_begin_alike() -> None:
    codec, config = tiny_codec(), tiny_config()
    model = RoboEgoModel(config)
    begin_codes(model, codec)
    entries = codec.quantizer.codebooks
    for stream in ("speak", "listen"):
        tables = [model.fusion.stream_table(config, f"{stream}.{k}")[: codec.entries].detach() for k in range(codec.codebooks)]
        assert float(tables[0].std()) == pytest.approx(FIRST_SPREAD, rel=1e-4)
        # One linear map of the entries gives the tables of all codebooks, so a frame's embeddings add up as its entries do.
        vectors, rows = (entries - entries.mean(1, keepdim=True)).flatten(0, 1), torch.cat(tables)
        assert_close(vectors @ torch.linalg.lstsq(vectors, rows).solution, rows, rtol=1e-4, atol=1e-4)


def test_a_run_with_adapters_opens_as_a_plain_model(tmp_path: Path) -> None:
    checkpoint(base(), tmp_path / "base")
    model = model_for(run(), tmp_path, tiny_codec())
    assert adapted_layers(model)
    shake(model)
    checkpoint(model, tmp_path / "stage-lora")
    opened, step = open_run("stage-lora", run().model, tmp_path)
    assert step == 7
    assert not adapted_layers(opened)
    assert_close(hidden(opened), hidden(model), atol=1e-5, rtol=0)
    # Another run may start from it, and stand on it with adapters of its own.
    further = model_for(replace(run("stage-lora"), name="further"), tmp_path, tiny_codec())
    assert_close(hidden(further), hidden(model), atol=1e-5, rtol=0)


def test_a_run_may_start_from_a_folder(tmp_path: Path) -> None:
    folder = save(tiny_loaded(), tmp_path / "model")
    expected = hidden(roboego.load(folder).model)
    assert torch.equal(hidden(model_for(run(str(folder)), tmp_path, tiny_codec())), expected)
    whole = model_for(run(str(folder), None), tmp_path, tiny_codec())
    assert torch.equal(hidden(whole), expected)
    assert all(parameter.requires_grad for parameter in whole.parameters())
    with pytest.raises(InputError, match="another shape"):
        open_start(str(folder), tiny_config(layers=1), tmp_path)


def test_a_folder_may_hold_a_shallower_model(tmp_path: Path) -> None:
    folder = save(tiny_loaded(), tmp_path / "model")
    grown = open_start(str(folder), tiny_config(layers=3), tmp_path)
    assert len(grown.backbone.layers) == 3
    assert_close(hidden(grown), hidden(roboego.load(folder).model))
    checkpoint(base(), tmp_path / "shallow")
    grown, _ = open_run("shallow", tiny_config(layers=3), tmp_path)
    assert len(grown.backbone.layers) == 3
    assert_close(hidden(grown), hidden(base()))


def test_a_run_that_goes_on_is_not_started_again(tmp_path: Path) -> None:
    begun = run("base", None)
    with pytest.raises(InputError, match="train it first"):
        model_for(begun, tmp_path, tiny_codec())
    checkpoint(base(), tmp_path / "stage")
    assert model_for(begun, tmp_path, tiny_codec()).config == begun.model


def test_a_given_model_carries_the_adapters(tmp_path: Path) -> None:
    given = tiny_model()
    assert model_for(run(None), tmp_path, tiny_codec(), given) is given
    checkpoint(given, tmp_path / "stage-lora")
    with pytest.raises(InputError, match="given in Python"):
        open_run("stage-lora", given.config, tmp_path)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--start RUN"):
        model_for(run(None), tmp_path, tiny_codec())
    checkpoint(base(), tmp_path / "base")
    checkpoint(model_for(run(), tmp_path, tiny_codec()), tmp_path / "stage-lora")
    with pytest.raises(InputError, match="was begun with"):
        model_for(run(adapters=AdapterConfig(rank=3)), tmp_path, tiny_codec())
    # The base has learned on since.
    checkpoint(base(1), tmp_path / "base", step=9)
    with pytest.raises(CheckpointError, match="other frozen weights"):
        open_run("stage-lora", run().model, tmp_path)
    (tmp_path / "stage-lora" / RECORD).write_text("{")
    with pytest.raises(CheckpointError, match="cannot read"):
        read_record(tmp_path / "stage-lora")


def test_the_record_of_adapters_is_written_once_and_whole(tmp_path: Path) -> None:
    checkpoint(base(), tmp_path / "base")
    record = tmp_path / "stage-lora" / RECORD
    model = model_for(run(), tmp_path, tiny_codec())
    checkpoint(model, record.parent)
    before = record.stat()
    with files_of_at_most(0):  # a start that writes nothing needs no room
        model_for(run(), tmp_path, tiny_codec())
    assert (record.stat().st_ino, record.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    other = Adapted(adapters=AdapterConfig(rank=3), start="base")
    shutil.rmtree(record.parent / "step-00000007")
    with files_of_at_most(0), pytest.raises(OSError, match="too large"):
        keep_record(record.parent, other)
    assert read_record(record.parent) == Adapted(adapters=ADAPTERS, start="base")
    assert [path.name for path in record.parent.iterdir()] == [RECORD]
    keep_record(record.parent, other)
    assert read_record(record.parent) == other


def test_an_exported_run_has_its_adapters_merged(tmp_path: Path) -> None:
    places = Places(root=tmp_path)
    save_codec(rounded(tiny_codec()), places.tools / "codec")
    tiny_tokenizer().save(places.tools / "tokenizer.json")
    checkpoint(base(), tmp_path / "base")
    model = model_for(run(), tmp_path, tiny_codec())
    shake(model)
    checkpoint(model, tmp_path / "stage-lora")
    export(run(), places, tmp_path / "out", {})
    assert_close(hidden(roboego.load(tmp_path / "out").model), hidden(model), atol=0.05, rtol=0)


def test_the_first_run_with_sound_keeps_the_words_and_begins_the_codes(tmp_path: Path) -> None:
    read = base()
    checkpoint(read, tmp_path / "base")
    codec, plain = tiny_codec(), run(adapters=None)
    later, first = (model_for(replace(plain, first_sound=sound), tmp_path, codec) for sound in (False, True))
    config = read.config
    assert torch.equal(later.fusion.table, read.fusion.table)
    assert torch.equal(first.fusion.text_table, read.fusion.text_table)
    codes = first.fusion.stream_table(config, "listen.0")[: codec.entries]
    assert not torch.equal(codes, read.fusion.stream_table(config, "listen.0")[: codec.entries])
    assert torch.equal(
        first.backbone.state_dict()["layers.0.attention.qkv.weight"], read.backbone.state_dict()["layers.0.attention.qkv.weight"]
    )
