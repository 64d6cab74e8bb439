"""A live conversation, recorded, becomes grids that hold what happened, frame by frame."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import roboego
from roboego.cli import main
from roboego.data.importing.conversations import ImportedConversations, Wanted, import_recordings
from roboego.data.importing.parts import LONGEST, cuts
from roboego.data.importing.tracks import Tracks
from roboego.data.recorded import EVENTS, SOUND, Heading, frames_of
from roboego.data.shards import ShardReader
from roboego.data.workshop import Workshop
from roboego.errors import InputError
from roboego.recipes import nano
from roboego.recipes.nano_data import Places
from roboego.recipes.own import own
from roboego.runtime.engine import Engine
from roboego.runtime.frame import Frame, StepIn
from roboego.serve.live import LiveEngine
from roboego.serve.recording import Recorder
from roboego.streams.grid import empty_grid
from roboego.streams.organizers.base import pieces
from roboego.timebase import FRAME_SAMPLES
from tests.serve.conftest import broken_off
from tests.tiny import obedient_loaded

TEXT = nano.text_layout()


@dataclass(frozen=True, kw_only=True)
class Held:
    """A conversation that was held: its folder, and the frames that its client got."""

    folder: Path
    frames: list[Frame]


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Held:
    """Somebody asks nano a question, cuts its answer off, and types something."""
    recorder = Recorder(tmp_path_factory.mktemp("recordings"))
    engine = LiveEngine(Engine(roboego.load("nano")), recorder=recorder)
    engine.start()
    frames = broken_off(engine)
    engine.stop()
    (entry,) = recorder.index.all()
    return Held(folder=recorder.folder / entry.id, frames=frames)


@pytest.fixture(scope="module")
def shop() -> Workshop:
    """nano's codec and tokenizer."""
    nano_ = roboego.load("nano")
    assert nano_.codec is not None
    assert nano_.tokenizer is not None
    return Workshop.of(nano_.codec, nano_.tokenizer)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(root=tmp_path / "runs")


def imported(folder: Path, places: Places, shop: Workshop, **options: Any) -> ImportedConversations:
    return import_recordings(folder, places.grids, places.pictures, shop=shop, layout=nano.layout(), name="mine", **options)


def shards(places: Places) -> tuple[ShardReader, ShardReader]:
    """Dialogues, and their transcripts."""
    talks, transcripts = (sorted(places.grids.glob(f"{kind}dialogue-train-mine-*")) for kind in ("", "asr-"))
    return ShardReader(talks), ShardReader(transcripts)


def test_grids_hold_what_happened(held: Held, places: Places, shop: Workshop) -> None:
    before = {path: path.read_bytes() for path in held.folder.parent.rglob("*") if path.is_file()}
    told = imported(held.folder.parent, places, shop)
    assert {path: path.read_bytes() for path in held.folder.parent.rglob("*") if path.is_file()} == before
    ((taken,), (talks, transcripts)) = told.conversations, shards(places)
    grid, transcript = talks[0], transcripts[0]
    # Of Ego's last frame, and what the codec still holds back, the recording has no sound.
    assert len(grid) == frames_of(held.folder) - 2
    assert len(grid) >= len(held.frames) - 3
    assert (taken.id, taken.parts, taken.note) == (held.folder.name, 1, "")
    frames = held.frames[: len(grid)]
    assert grid.text.tolist() == [frame.token for frame in frames]
    assert grid.read.tolist() == [TEXT.wait if frame.read is None else frame.read for frame in frames]
    assert shop.tokenizer.decode(grid.read[1:][grid.read[1:] != TEXT.wait].tolist()) == "my name is anna."
    assert grid.spoken.tolist() == [frame.spoken_upto for frame in frames]
    assert transcript.text.tolist() == [frame.caption for frame in frames]
    assert transcripts.metadata(0)["captions"] == "machine"
    # What somebody else decided is not learned.
    cut = grid.text.tolist().index(TEXT.cut)
    assert grid.text_weight[cut] == 0
    assert grid.text_weight[pieces(grid.text, TEXT)].all()
    start = int(np.flatnonzero(pieces(grid.text, TEXT))[0]) + nano.layout().spk_delay
    assert grid.speak[start:cut].tolist() == [frame.codes.tolist() for frame in frames[start:cut]]
    assert (np.delete(grid.speak, np.s_[start:cut], 0) == shop.silence).all()
    pcm, _ = soundfile.read(held.folder / SOUND, dtype="float32")
    assert (grid.listen == shop.encode(pcm[:, 0])[: len(grid)]).all()


def relabelled(held: Held, to: Path, **changes: object) -> Path:
    """A copy of a recording with another heading."""
    shutil.copytree(held.folder, to)
    heading, *lines = (to / EVENTS).read_text().splitlines(keepends=True)
    (to / EVENTS).write_text(json.dumps({**json.loads(heading), **changes}) + "\n" + "".join(lines))
    return to


def test_what_another_codec_said_is_encoded_from_the_sound(held: Held, places: Places, shop: Workshop, tmp_path: Path) -> None:
    relabelled(held, tmp_path / "recorded" / "foreign", codec="another", captions=False)
    places.grids.mkdir(parents=True)
    (places.grids / "asr-dialogue-train-mine-00000.grids").write_bytes(b"of an import before, of other conversations")
    told = imported(tmp_path / "recorded", places, shop)
    assert not told.captions
    talk = ShardReader(places.grids)[0]
    assert not list(places.grids.glob("asr-*"))
    pcm, _ = soundfile.read(tmp_path / "recorded" / "foreign" / SOUND, dtype="float32")
    said = shop.encode(pcm[FRAME_SAMPLES + shop.codec.delay_samples :, 1])
    start, cut = int(np.flatnonzero(pieces(talk.text, TEXT))[0]) + nano.layout().spk_delay, talk.text.tolist().index(TEXT.cut)
    assert (talk.speak[start:cut] == said[start:cut]).all()
    # The sound lies where the codes that made it did: the coarsest are mostly the same.
    assert (said[start:cut, 0] == np.array([frame.codes[0] for frame in held.frames[start:cut]])).mean() > 0.5


def test_a_killed_recording_is_taken_up_to_where_it_can_be_read(held: Held, places: Places, shop: Workshop, tmp_path: Path) -> None:
    killed = tmp_path / "recorded" / "killed"
    shutil.copytree(held.folder, killed)
    lines = (killed / EVENTS).read_bytes().splitlines(keepends=True)
    (killed / EVENTS).write_bytes(b"".join(lines[:-1])[:-7])
    sound = (killed / SOUND).read_bytes()
    (killed / SOUND).write_bytes(sound[: len(sound) * 3 // 4])
    ((taken,),) = (imported(tmp_path / "recorded", places, shop).conversations,)
    assert "become unreadable" in taken.note
    grid = shards(places)[0][0]
    assert 0.5 * len(held.frames) < len(grid) <= frames_of(killed)
    assert grid.text.tolist() == [frame.token for frame in held.frames[: len(grid)]]
    (killed / EVENTS).write_bytes(b"".join(lines[:-1]))
    assert "process was killed" in str(imported(tmp_path / "recorded", places, shop).conversations[0])


def test_what_cannot_be_used_is_told_and_the_rest_is_taken(held: Held, places: Places, shop: Workshop, tmp_path: Path) -> None:
    relabelled(held, tmp_path / "recorded" / "a-good")
    relabelled(held, tmp_path / "recorded" / "old", version=1)
    relabelled(held, tmp_path / "recorded" / "stranger", tokenizer="another")
    relabelled(held, tmp_path / "recorded" / "slow", spk_delay=7)
    relabelled(held, tmp_path / "recorded" / "writer", mode="asr")
    relabelled(held, tmp_path / "recorded" / "early", late_frames=-3)
    (relabelled(held, tmp_path / "recorded" / "mute") / SOUND).write_bytes(b"OggS and no more")
    (relabelled(held, tmp_path / "recorded" / "deaf") / SOUND).unlink()
    (relabelled(held, tmp_path / "recorded" / "noise") / EVENTS).write_bytes(bytes(range(256)) * 9)
    wrong = relabelled(held, tmp_path / "recorded" / "wrong") / EVENTS
    wrong.write_text(wrong.read_text().splitlines()[0] + '\n{"type": "frame", "frame": 1, "spoken": 0, "token": 123456}\n')
    shutil.copytree(held.folder, tmp_path / "recorded" / "lost")
    (tmp_path / "recorded" / "lost" / EVENTS).unlink()
    (tmp_path / "recorded" / "notes.txt").write_text("not a folder")
    told = {taken.id: taken for taken in imported(tmp_path / "recorded", places, shop).conversations}
    assert [name for name, taken in told.items() if taken.parts] == ["a-good"]
    reasons = {
        "old": "version 1", "stranger": "another tokenizer", "slow": "7 frames after its text", "writer": 'mode "asr"',
        "early": "late_frames must be at least 0",
        "mute": "cannot be read", "deaf": "cannot be read", "noise": "does not begin as a recording", "wrong": "123456",
        "lost": "cannot be read",
    }  # fmt: skip
    assert {name for name in told if name != "a-good"} == set(reasons)
    for name, reason in reasons.items():
        assert reason in told[name].note, told[name]


def test_nothing_that_can_be_used_is_an_error(held: Held, places: Places, shop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "recorded").mkdir()
    with pytest.raises(InputError, match="holds no conversations that roboego serve"):
        imported(tmp_path / "recorded", places, shop)
    relabelled(held, tmp_path / "recorded" / "stranger", tokenizer="another")
    with pytest.raises(InputError, match="could be used: stranger: left out: nano has another tokenizer"):
        imported(tmp_path / "recorded", places, shop)
    with pytest.raises(InputError, match="no conversation 'nobody'"):
        imported(tmp_path / "recorded", places, shop, wanted=Wanted(ids=("nobody",)))


def test_the_command_takes_what_is_wanted_and_training_finds_it(held: Held, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, runs, result = tmp_path / "recorded", tmp_path / "runs", tmp_path / "told.json"
    relabelled(held, folder / "new", started=2_000_000_000.0)
    relabelled(held, folder / "ancient", started=1_000_000_000.0)
    command = ["data", "import-recordings", str(folder), "--name", "calls", "--folder", str(runs), "--json", str(result)]
    assert main([*command, "--since", "2033-01-01"]) == 0
    assert [taken["id"] for taken in json.loads(result.read_text())["conversations"]] == ["new"]
    assert "new: " in capsys.readouterr().err
    run = own("calls", Places(root=runs))
    assert [prefix for prefix, _ in run.pools][:2] == ["dialogue-train-calls-", "asr-dialogue-train-calls-"]
    assert ("dialogue-train-calls-", "asr-dialogue-train-calls-") in run.transcripts
    assert main([*command, "--no-captions", "--ids", "new"]) == 0
    assert ("dialogue-train-calls-", "asr-dialogue-train-calls-") not in own("calls", Places(root=runs)).transcripts
    assert main([*command, "--shortest-s", "60"]) == 2
    assert "it lasts" in capsys.readouterr().err
    assert main([*command, "--since", "tomorrow"]) == 2


def test_long_conversations_are_cut_where_no_reply_is_under_way() -> None:
    frames = 3_000
    tracks = Tracks(
        grid=empty_grid(nano.layout(), frames), captions=np.zeros(frames, np.int32), pictures=(), felt={},
        user_levels=np.zeros(frames, np.float32), ego_levels=np.zeros(frames, np.float32),
    )  # fmt: skip
    for start in range(5, frames - 100, 100):
        tracks.grid.text[start : start + 8] = TEXT.first_word
        tracks.ego_levels[start + 2 : start + 60] = 0.5
        tracks.user_levels[start + 70 : start + 90] = 0.5

    def in_reply(frame: int) -> bool:
        return frame < frames - 100 and 5 <= frame % 100 < 65

    found = cuts(tracks, nano.layout())
    assert (found[0], found[-1]) == (0, frames)
    assert max(np.diff(found)) <= LONGEST
    assert not any(in_reply(cut) or tracks.user_levels[cut : cut + 1].any() for cut in found)
    # Noise without end: then Ego's silence has to do. A reply without end is not cut at all.
    noisy = replace(tracks, user_levels=np.ones(frames, np.float32))
    assert not any(in_reply(cut) for cut in cuts(noisy, nano.layout()))
    tracks.ego_levels[:] = 0.5
    assert cuts(tracks, nano.layout()) == [0, frames]


def test_models_with_acoustic_delays_tell_late_and_grids_are_aligned(tmp_path: Path) -> None:
    loaded = obedient_loaded(delays=(0, 2, 2))
    assert loaded.codec is not None
    assert loaded.tokenizer is not None
    recorder = Recorder(tmp_path / "recorded")
    recording = recorder.begin(Heading.of(loaded, "duplex", started=0.0))
    frames = []
    with Engine(loaded) as engine, engine.open() as session:
        for t in range(30):
            frames.append(session.step(say="the red cup is on the table" if t == 5 else None))
            recording.put(StepIn(), frames[-1])
    recording.end()
    recorder.stop()
    layout = loaded.model.config.layout
    tiny = Workshop.of(loaded.codec, loaded.tokenizer)
    told = import_recordings(tmp_path / "recorded", tmp_path, tmp_path / "pictures", shop=tiny, layout=layout, name="mine")
    assert not told.captions
    grid = ShardReader(tmp_path)[0]
    first, written = 5, int(pieces(grid.text, layout.text).sum())
    assert grid.text.tolist() == [frame.token for frame in frames[: len(grid)]]
    assert not grid.text_weight[first : first + written].any()  # it was made to write that
    said = slice(first + layout.spk_delay, len(grid))
    late = layout.speak.max_delay
    assert grid.spoken[said].tolist() == [frame.spoken_upto for frame in frames[said.start + late : said.stop + late]]
    chosen = np.array([frame.codes for frame in frames[said.start + late : said.stop + late]])
    same = (grid.speak[said] == chosen).all(1)
    assert same[: same.sum()].all()
    assert same.sum() > 5
