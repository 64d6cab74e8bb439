"""A run that sees, feels and acts: its pools, and a few steps of a small model on them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from roboego.codecs.embedded.files import save_codec
from roboego.data.assembled import AssembledExchanges
from roboego.data.build_dialogues import DialogueJob, make_dialogues
from roboego.data.episodes import EpisodeJob, make_episodes
from roboego.data.grounded.acting import ActingExchanges
from roboego.data.grounded.subjects import Episodes, Pictures, Subject
from roboego.data.pictures import PictureJob, make_pictures
from roboego.data.shards import ShardReader
from roboego.data.sights import SightJob, make_sights
from roboego.data.written import WrittenExchanges
from roboego.errors import InputError
from roboego.model.config import GlanceConfig
from roboego.model.model import RoboEgoModel
from roboego.perception.files import save_vit
from roboego.perception.vit import ViT, ViTConfig
from roboego.recipes import nano
from roboego.recipes.perform import at_rest, talking
from roboego.recipes.table import EPISODES, HELD_OUT, HELD_OUT_EPISODES, PICTURES, held_out_acts, open_table
from roboego.streams.tokenizer import Tokenizer
from roboego.training.acting import ACTS_ALONE, ActionTask
from roboego.training.adapters import add_adapters
from roboego.training.lesson import StageConfig
from roboego.training.rows import Mixture, Pool
from roboego.training.stage import StageTask
from tests.data.test_dialogue import layout, shop

EYE = ViTConfig(image_size=96, width=24, layers=1, heads=2, hidden=32)
SILENCE = np.arange(8, dtype=np.int16)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("runs")
    for name in (*PICTURES, HELD_OUT):
        make_pictures(PictureJob(folder=made / "pictures", name=name, shard=0, count=6, size=96, labelled=name == "labels"))
    make_episodes(EpisodeJob(folder=made / "pictures", name=EPISODES, shard=0, count=2, size=96))
    torch.manual_seed(0)
    save_vit(ViT(EYE), made / "tools" / "vit")
    return made


def test_what_has_not_been_seen_by_the_encoder_is_told(root: Path) -> None:
    assert open_table(nano.sft(), root / "pictures", root / "tools") is None
    with pytest.raises(InputError, match="roboego synth sights"):
        open_table(nano.whole(), root / "pictures", root / "tools")


def test_a_small_model_with_all_streams_learns_from_the_pools_of_a_run(root: Path) -> None:
    for index in sorted((root / "pictures").glob("*.jsonl")):
        make_sights(SightJob(index=index, encoder=root / "tools" / "vit"))
    run = nano.whole()
    table = open_table(run, root / "pictures", root / "tools")
    assert table is not None
    layout = talking(run.model.layout)
    tokenizer = Tokenizer.train(nano.tokenizer_text(sentences=2_000), vocab_size=400)
    written = WrittenExchanges(layout=layout, tokenizer=tokenizer, silence=SILENCE)
    pools = [Pool(written, 0.3, written.captions, soundless=True), *table.pools(run, written)]
    shared = run.seen / 2 + run.detailed + run.quizzed + run.acted / 2 + run.drilled
    assert sum(pool.share for pool in pools) == pytest.approx(0.3 + shared)
    assert run.model.context_width
    mixture = Mixture(
        pools, run.model.layout.text, contexts=0.5, pictures=len(table.sights.vectors), still=table.still, rest=at_rest(run.model.layout)
    )
    small = nano.tiny()
    glance = GlanceConfig(tokens=EYE.patches, token_width=EYE.width, heads=2, head_dim=8)
    sees = {"vision_width": EYE.width, "context_width": EYE.width, "glance": glance}
    model = RoboEgoModel(replace(small, layout=run.model.layout, senses=run.model.senses, **sees))
    stage = StageConfig(rows=3, frames=160)
    task = StageTask(model, mixture, stage, lambda model, step: {}, sights=table.sights)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    losses = []
    for step in range(12):
        loss, metrics = task.loss(task.batch(step), step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(metrics["act"]))
        assert torch.isfinite(loss)
    assert losses[-1] < losses[0]
    told = table.judge(written, 6)(model, 0)
    assert "answered_right" in told
    assert any(topic.startswith("see_") for topic in told)
    assert all(0 <= share <= 1 for share in told.values())
    moved = [name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().max() > 0]
    for part in (
        "fusion.look",
        "fusion.context",
        "glance.gate",
        "fusion.senses.body.out",
        "fusion.senses.touch.out",
        "fusion.senses.points.out",
        "act_head",
    ):
        assert any(name.startswith(part) for name in moved), part


def test_the_action_decoder_learns_alone(root: Path) -> None:
    pictures = root / "pictures"
    make_episodes(EpisodeJob(folder=pictures, name=HELD_OUT_EPISODES, shard=0, count=1, size=96))
    for index in sorted(pictures.glob("*.jsonl")):
        make_sights(SightJob(index=index, encoder=root / "tools" / "vit"))
    whole = nano.acting()
    glance = GlanceConfig(tokens=EYE.patches, token_width=EYE.width, heads=2, head_dim=8)
    layout, sees = whole.model.layout, {"vision_width": EYE.width, "context_width": EYE.width, "glance": glance}
    run = replace(
        whole,
        model=replace(nano.tiny(), layout=layout, senses=whole.model.senses, **sees),
        stage=StageConfig(rows=2, frames=120, phones=0.0),
    )
    table = open_table(run, pictures, root / "tools")
    assert table is not None
    tokenizer = Tokenizer.train(nano.tokenizer_text(sentences=2_000), vocab_size=400)
    written = WrittenExchanges(layout=talking(layout), tokenizer=tokenizer, silence=SILENCE)
    torch.manual_seed(0)
    model = RoboEgoModel(run.model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    add_adapters(model, ACTS_ALONE)
    mixture = Mixture(list(table.pools(run, written)), layout.text, pictures=len(table.sights.vectors), rest=at_rest(layout))
    task = ActionTask(model, mixture, run.stage, held_out_acts(run, pictures, written), sights=table.sights)
    first, trained = task.validate(0), [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, 3e-3)
    for step in range(12):
        loss, metrics = task.loss(task.batch(step), step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert metrics["act"] == loss
    assert task.validate(12)["act"] < first["act"]
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"act_head"}


def test_it_learns_from_talk_alone_too() -> None:
    """As it does from recordings of one's own, of which there are no pictures."""
    run, small = nano.whole(), nano.tiny()
    tokenizer = Tokenizer.train(nano.tokenizer_text(sentences=2_000), vocab_size=400)
    written = WrittenExchanges(layout=talking(run.model.layout), tokenizer=tokenizer, silence=SILENCE)
    mixture = Mixture([Pool(written, 1.0, written.captions, soundless=True)], run.model.layout.text, rest=at_rest(run.model.layout))
    glance = GlanceConfig(tokens=EYE.patches, token_width=EYE.width, heads=2, head_dim=8)
    model = RoboEgoModel(replace(small, layout=run.model.layout, vision_width=EYE.width, glance=glance, senses=run.model.senses))
    task = StageTask(model, mixture, StageConfig(rows=2, frames=100), lambda model, step: {})
    loss, metrics = task.loss(task.batch(0), 0)
    loss.backward()
    assert torch.isfinite(loss)
    assert metrics["act"] > 0


def test_spoken_dialogues_take_their_share_of_what_has_sound(root: Path) -> None:
    run, table = nano.whole(), open_table(nano.whole(), root / "pictures", root / "tools")
    assert table is not None
    save_codec(shop().codec, root / "tools" / "codec")  # type: ignore[arg-type]
    shop().tokenizer.save(root / "tools" / "tokenizer.json")
    subjects: tuple[tuple[str, Subject], ...] = (
        ("seen", Pictures(folder=root / "pictures", shard="train-00000")),
        ("request", Episodes(folder=root / "pictures", shard=f"{EPISODES}-00000")),
    )
    for kind, subject in subjects:
        out, transcript = root / f"{kind}-train-x-00000.grids", root / f"asr-{kind}-train-x-00000.grids"
        job = DialogueJob(
            out=out, transcript=transcript, tools=root / "tools", layout=layout(), voice="espeak-en-us", count=2, subject=subject
        )
        make_dialogues(job)
    manner = AssembledExchanges(layout=layout(), tokenizer=shop().tokenizer, silence=shop().silence, heard=(), said=(), delay=4)
    seen, acted = table.spoken_pools(run, manner, lambda prefix: ShardReader(sorted(root.glob(f"{prefix}*.grids"))))
    together = [pool for pool in table.pools(run, manner) if not pool.soundless]
    for spoken, assembled, share in zip((seen, acted), together, (run.seen, run.acted), strict=True):
        assert spoken.share + assembled.share == pytest.approx(share / 2)
        assert spoken.share > 0
    assert seen.looks is not None
    assert seen.transcripts is not None
    assert len(seen.looks.looks(1)) == len(seen.grids[1]) == len(seen.transcripts[1])
    assert isinstance(acted.grids, ActingExchanges)
    assert acted.grids.said(0) is not None
