"""Stages on a foreign decoder: what they start from, what they are called, where their data lies."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from decoders import llama, qwen2
from roboego.codecs.embedded.codec import EmbeddedCodec
from roboego.data.workshop import open_tokenizer
from roboego.errors import InputError
from roboego.model.foreign.decoder import load_decoder
from roboego.recipes import card, foreign, nano
from roboego.recipes.nano_data import Places
from roboego.recipes.perform import model_for
from roboego.recipes.runs import with_adapters
from roboego.recipes.start import open_start
from roboego.streams.alphabet import normalize
from roboego.training.adapters import AdapterConfig, adapted_layers
from tests.data.small import SMALL_CODEC

ADAPTERS = AdapterConfig(rank=2)


@pytest.fixture(autouse=True)
def small_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nano, "codec", lambda: SMALL_CODEC)


def test_each_stage_goes_on_from_the_one_before(tmp_path: Path) -> None:
    folder = qwen2(tmp_path / "qwen")
    first, second = foreign.on_decoder(folder), foreign.on_decoder(folder, nano.sft())
    assert (first.name, first.start, first.first_sound) == ("nano-post-on-qwen", str(folder), True)
    assert (second.name, second.start, second.first_sound) == ("nano-sft-on-qwen", first.name, False)
    assert first.model == second.model == foreign.model(folder)
    adapted, further = (foreign.on_decoder(folder, stage, adapters=ADAPTERS) for stage in (nano.post_training(), nano.sft()))
    assert (adapted.name, adapted.start) == ("nano-post-on-qwen-lora", str(folder))
    assert (further.name, further.start) == ("nano-sft-on-qwen-lora", adapted.name)
    given = foreign.on_decoder(folder, adapters=AdapterConfig(rank=2, trained=()), start="elsewhere")
    assert (given.start, given.first_sound) == ("elsewhere", False)
    assert foreign.on_decoder(folder, window=64).model.backbone.window == 64
    with pytest.raises(InputError, match="which a decoder knows"):
        foreign.on_decoder(folder, nano.language())
    with pytest.raises(InputError, match="all of them are trained"):
        foreign.on_decoder(folder, adapters=AdapterConfig(rank=2, trained=("streams", "heads")))
    with pytest.raises(InputError, match="all of them are trained"):
        with_adapters(nano.post_training(), AdapterConfig(rank=2, trained=("heads",)))


@pytest.mark.parametrize("make", [qwen2, llama])
def test_stage_1_starts_from_the_decoder_with_codes_that_do_not_drown_its_words(make: Callable[..., Path], tmp_path: Path) -> None:
    folder = make(tmp_path / "decoder")
    torch.manual_seed(0)
    codec, decoder = EmbeddedCodec(SMALL_CODEC), load_decoder(folder)
    for adapters in (None, ADAPTERS):
        run = foreign.on_decoder(folder, adapters=adapters)
        model = model_for(run, tmp_path, codec)
        assert model.config == run.model
        assert torch.equal(model.fusion.text_table[: len(decoder.embedding)], decoder.embedding)
        codes = model.fusion.stream_table(run.model, "listen.0")[: codec.entries].detach()
        assert float(codes.std()) == pytest.approx(float(model.fusion.text_table.detach().std()), rel=1e-3)
        assert bool(adapted_layers(model)) == (adapters is not None)
    with pytest.raises(InputError, match="another shape"):
        open_start(str(folder), replace(run.model, max_advance=5), tmp_path)


def test_data_in_its_vocabulary_lies_apart_and_comes_from_the_same_speech(tmp_path: Path) -> None:
    folder, places = llama(tmp_path / "llama"), Places(root=tmp_path)
    grids, dialogues = foreign.grids(places, folder, 0.01), foreign.dialogues(places, folder, 0.01)
    outs = {job.out for job in (*grids, *dialogues)} | {job.transcript for job in dialogues if job.transcript}
    assert {out.parent for out in outs} == {foreign.grids_folder(places, folder)} != {places.grids}
    assert {job.bank for job in grids} == {places.speech}
    assert {job.layout for job in (*grids, *dialogues)} == {foreign.layout(folder)}
    tokenizer = open_tokenizer(places.tools, folder)
    # Every token that nano's sentences may need is one of the decoder's words, and none of those that a RoboEgo adds.
    tokens = [token for text in nano.tokenizer_text(50) for token in tokenizer.encode(normalize(text))]
    assert max(tokens) < foreign.layout(folder).text.words_end


def test_its_card_tells_what_it_stands_on(tmp_path: Path) -> None:
    folder = qwen2(tmp_path / "qwen")
    run = foreign.on_decoder(folder, nano.sft())
    text = card.text(run, model_for(replace(run, start=str(folder)), tmp_path, None), 10, {})
    assert text.startswith("# nano-sft-on-qwen\n")
    assert "licence: that of qwen" in text
    assert "--backbone FOLDER" in text
    assert "`roboego eval FOLDER --suite asr`" in text
