"""The compiled step gives the numbers of the plain one, for any number of slots and threads, in float32 and bfloat16."""

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from roboego.model.backbone import Backbone
from roboego.model.backbone_step import StackStep
from roboego.model.config import BackboneConfig, SpeechDecoderConfig
from roboego.model.native import compiling
from roboego.model.native.arithmetic import exponential, highest
from roboego.model.native.backbone import NativeStack
from roboego.model.native.depth import NativeDepth
from roboego.model.native.linear import NativeLinear
from roboego.model.native.pointer import advanced, inputs
from roboego.model.native.team import Team, meet, team_of
from roboego.model.native.weights import readable
from roboego.model.sampling import HISTORY_FRAMES, Sampling, StreamSampling, StreamSettings
from roboego.model.speech_decoder import DepthState, SpeechDecoder
from roboego.recipes import nano
from roboego.streams.pointer import PointerState

SMALL = BackboneConfig(width=24, layers=2, heads=4, kv_heads=2, head_dim=8, hidden=32, window=11)
CLOSE = {torch.float32: 1e-5, torch.bfloat16: 0.1}


@pytest.fixture(params=[1, 2, 3], ids=["one thread", "two threads", "three threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(1)


def random_weights(module: nn.Module) -> None:
    torch.manual_seed(0)
    for parameter in module.requires_grad_(False).parameters():
        parameter.add_(torch.randn_like(parameter) * 0.1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("slots", [1, 5])
@pytest.mark.parametrize(
    "config",
    [SMALL, replace(SMALL, learned_sinks=False, heads=3, kv_heads=1), replace(SMALL, qkv_bias=True, out_bias=True, mlp_bias=True)],
    ids=["grouped heads", "no sinks, one group", "biases"],
)
def test_backbone(config: BackboneConfig, slots: int, dtype: torch.dtype, threads: int) -> None:
    model = Backbone(config)
    random_weights(model)
    model = model.to(dtype)
    native, plain = model.initial_state(slots), model.initial_state(slots, native=False)
    assert isinstance(native.steps, NativeStack)
    assert isinstance(plain.steps, StackStep)
    for t in range(30):
        x = torch.randn(slots, config.width).to(dtype)
        a, native = model.step(x, native)
        b, plain = model.step(x, plain)
        assert a.dtype == dtype
        assert_close(a.float(), b.float(), atol=CLOSE[dtype], rtol=0)
        if t == 14:
            for state in (native, plain):
                state.reset(torch.arange(slots) == slots - 1)
    assert_close(native.bias, plain.bias)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("frames", [1, 6])
@pytest.mark.parametrize("own_weights", [False, True])
def test_speech_decoder(own_weights: bool, frames: int, dtype: torch.dtype, threads: int) -> None:
    config = replace(nano.tiny(), speech=SpeechDecoderConfig(width=18, layers=2, heads=3, hidden=20, per_codebook_mlp=own_weights))
    decoder = SpeechDecoder(config)
    random_weights(decoder)
    decoder = decoder.to(dtype)
    native, plain = decoder.initial_state(frames), decoder.initial_state(frames, native=False)
    assert isinstance(native, NativeDepth)
    assert isinstance(plain, DepthState)
    layout, lively = config.layout.speak, Sampling(speak=StreamSampling(temperature=0.8, top_k=30, top_p=0.9))
    strict = Sampling(speak=StreamSampling(temperature=1.0, repetition_penalty=3.0, penalty_frames=20, penalized_codebooks=4))
    for sampling in ([Sampling(speak=StreamSampling())] * frames, [lively] * frames, ([strict, lively, lively] * 2)[:frames]):
        settings = StreamSettings.of([s.speak for s in sampling], layout.entries, torch.device("cpu"), codebooks=True)
        for frame in range(12):
            h, text = torch.randn(frames, config.backbone.width).to(dtype), torch.randint(0, 900, (frames,))
            uniform = torch.rand(frames, layout.codebooks, layout.ids) if settings.samples else None
            past = torch.randint(0, layout.entries, (frames, HISTORY_FRAMES, layout.codebooks))
            given = h, text, settings, uniform, past, torch.arange(frame, frame + frames), layout
            codes, expected = native.speak(*given), plain.speak(*given)
            assert_close(native.results[0], plain.results[0].float(), atol=CLOSE[dtype], rtol=0)
            # In half precision two codes may be as likely as each other, and from there on the frames differ.
            if dtype == torch.float32:
                assert torch.equal(codes, expected)
                assert_close(native.results, plain.results, atol=1e-5, rtol=0)


@pytest.mark.parametrize("rows", [1, 4, 7])
def test_linear(rows: int, threads: int) -> None:
    x, weight = torch.randn(rows, 30), torch.randn(17, 30)
    assert_close(NativeLinear(weight)(x), x @ weight.t(), atol=1e-5, rtol=0)
    assert_close(NativeLinear(weight.bfloat16())(x), x @ weight.bfloat16().float().t(), atol=1e-5, rtol=0)


def test_pointer() -> None:
    layout = nano.text_layout()
    generator = torch.Generator().manual_seed(0)
    native = plain = PointerState.initial(5, layout, length=20)
    choices = torch.tensor([layout.wait, layout.wait, layout.cut, layout.call, 50, 51, 52, 53])
    for frame in range(300):
        text = choices[torch.randint(len(choices), (5,), generator=generator)]
        if frame % 50 > 25:
            text[0] = 99  # a reply longer than the ring
        by = torch.randint(4, (5,), generator=generator)
        native, plain = advanced(native, text, by, layout), plain.advanced(text, by, layout)
        for name in ("ring", "written", "last", "calling", "spoken", "hold"):
            assert torch.equal(getattr(native, name), getattr(plain, name)), name
        for name in ("token", "after", "hold"):
            assert torch.equal(getattr(inputs(native), name), getattr(plain.inputs(), name)), name


def test_exponentials() -> None:
    x = np.concatenate([-np.logspace(-6, 2.5, 2_000), [0.0, -np.inf]]).astype(np.float32)
    found = np.array([exponential(v) for v in x], np.float32)
    assert_close(found, np.exp(x, dtype=np.float64).astype(np.float32), rtol=3e-7, atol=2e-38)
    assert highest(x[1:], x[0]) == 0.0


def test_changes_of_weights_in_place_are_seen() -> None:
    model = Backbone(replace(SMALL, learned_sinks=False))
    random_weights(model)
    state, x = model.initial_state(1), torch.randn(1, 1, SMALL.width)
    for parameter in model.parameters():
        parameter.mul_(1.1)
    h, _ = model.step(x[:, 0], state)
    assert_close(h, model(x)[:, 0], atol=1e-4, rtol=0)


def test_what_can_be_read() -> None:
    class Adapter(nn.Module):
        """What takes the place of a linear layer in fine-tuning."""

        def __init__(self, inner: nn.Linear) -> None:
            super().__init__()
            self.inner, self.in_features = inner, inner.in_features

    model = Backbone(SMALL)
    assert readable(model)
    assert not readable(Backbone(SMALL).half())
    assert not readable(Backbone(SMALL).to("meta"))
    model.layers[0].mlp.down = Adapter(model.layers[0].mlp.down)  # type: ignore[union-attr,assignment]
    assert not readable(model)


def test_compiled_functions_are_kept_apart_for_every_version_of_their_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "__file__", str(tmp_path / "here" / "compiling.py"))
    monkeypatch.setattr(compiling.config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    (tmp_path / "here").mkdir()
    found = []
    for source in ("a = 1", "a = 2"):
        (tmp_path / "here" / "x.py").write_text(source)
        compiling.cache_folder.cache_clear()
        found.append(compiling.cache_folder())
    assert found[0] != found[1]
    assert {f.parent for f in found} == {tmp_path / "here" / "__pycache__"}
    shutil.rmtree(tmp_path / "here" / "__pycache__")
    (tmp_path / "here" / "__pycache__").write_text("in the way")
    compiling.cache_folder.cache_clear()
    assert compiling.cache_folder() == tmp_path / "user" / "roboego" / found[1].name
    monkeypatch.setattr(compiling.config, "CACHE_DIR", str(tmp_path / "asked"))
    compiling.cache_folder.cache_clear()
    assert compiling.cache_folder().parent == tmp_path / "asked"
    compiling.cache_folder.cache_clear()


@numba.njit(nogil=True)
def _count(me: int, team: int, beats: object, rounds: int, seen: object) -> None:
    for r in range(rounds):
        seen[me] = r
        if not meet(me, team, beats):
            return
        for other in range(team):
            if seen[other] != r:
                seen[team] += 1
        if not meet(me, team, beats):
            return


def test_members_meet() -> None:
    seen = np.zeros(4, np.int64)
    for _ in range(20):
        Team(3).run(_count, 50, seen)
    assert seen.tolist() == [49, 49, 49, 0]


def test_a_member_that_fails_does_not_keep_the_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda args: None)

    def fails(me: int, team: int, beats: np.ndarray, seen: np.ndarray) -> None:
        if me:
            raise ValueError("no")
        _count(me, team, beats, 5, seen)

    broken = team_of(2)
    with pytest.raises(RuntimeError, match="thread of the step failed"):
        broken.run(fails, np.zeros(3, np.int64))
    assert team_of(2) is not broken
    seen = np.zeros(3, np.int64)
    team_of(2).run(_count, 5, seen)
    assert seen.tolist() == [4, 4, 0]
