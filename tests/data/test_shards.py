import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from roboego.data.packing import WeightTable, pack_bits, pack_grid, unpack_bits, unpack_grid
from roboego.data.shards import Shard, ShardReader, ShardWriter
from roboego.errors import InputError
from roboego.streams.conversation import Conversation, Reply
from roboego.streams.grid import FrameGrid, empty_grid
from roboego.streams.layout import SoundLayout, StreamLayout, TextLayout
from roboego.streams.organizers import TextFirst, WeightConfig
from roboego.timebase import FRAME_RATE, FRAME_S
from streams.examples import LAYOUT, asr_grids, conversations, text_first_grids

PRINTS = {"codec_fingerprint": "c0dec", "tokenizer_fingerprint": "70ken"}
MIB = 1 << 20


def write(path: Path, grids: list[FrameGrid], layout: StreamLayout = LAYOUT, **prints: str) -> Path:
    with ShardWriter(path, layout, **{**PRINTS, **prints}) as writer:
        for i, grid in enumerate(grids):
            writer.add(grid, {"number": i, "user": "where is the red cube?", "split": "test" if i % 3 == 0 else "train"})
    return path


def some_grids() -> list[FrameGrid]:
    rng = np.random.default_rng(0)
    grids = []
    for frames in (0, 1, 7, 40):
        grid = empty_grid(LAYOUT, frames)
        grid.text[:] = rng.integers(0, 60, frames)
        grid.speak[:] = rng.integers(0, 9, grid.speak.shape)
        grid.spoken[:] = rng.integers(0, 50, frames)
        grid.text_weight[:] = rng.choice([0.1, 0.3, 1.0], frames)
        grids.append(grid)
    return grids


@given(st.data(), st.integers(1, 12))
def test_bits_come_back(data: st.DataObject, bits: int) -> None:
    values = data.draw(arrays.arrays(np.int16, st.integers(0, 50), elements=st.integers(0, 2**bits - 1)))
    packed = pack_bits(values, bits)
    assert len(packed) == -(-len(values) * bits // 8)
    np.testing.assert_array_equal(unpack_bits(packed, len(values), bits), values)


@settings(deadline=None)
@given(st.data(), st.sampled_from([0.0, 0.3, 1.0]), st.integers(0, 60))
def test_any_grid_comes_back(data: st.DataObject, odd: float, frames: int) -> None:
    """Also with special codes in some codebooks, and columns that repeat."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    grid = empty_grid(LAYOUT, frames)
    for codes in (grid.speak, grid.listen):
        codes[:] = np.where(rng.random(codes.shape) < odd, 8, rng.integers(0, 8, codes.shape))
        for t in range(1, frames):
            if rng.random() < 0.4:
                codes[t] = codes[t - 1]
    grid.spoken[:] = rng.integers(0, 1000, frames)
    table = WeightTable()
    assert unpack_grid(pack_grid(grid, LAYOUT, table), frames, LAYOUT, table) == grid


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_organized_grids_come_back(data: st.DataObject) -> None:
    table = WeightTable()
    weights = WeightConfig()
    for grid in (data.draw(text_first_grids(spk_delay=2, weights=weights)), data.draw(asr_grids(weights=weights))):
        found = unpack_grid(pack_grid(grid, LAYOUT, table), len(grid), LAYOUT, table)
        assert found == grid
        assert [getattr(found, f).dtype for f in vars(grid)] == [getattr(grid, f).dtype for f in vars(grid)]


def test_a_folder_of_shards_reads_as_one(tmp_path: Path) -> None:
    grids = some_grids()
    write(tmp_path / "b-00000.grids", grids[2:])
    write(tmp_path / "a-00000.grids", grids[:2])
    reader = ShardReader(tmp_path, layout=LAYOUT, **PRINTS)
    assert list(reader) == grids
    assert reader[-1] == grids[-1]
    assert reader.lengths.tolist() == [0, 1, 7, 40]
    assert reader.frames == 48
    assert reader.metadata(3) == {"number": 1, "user": "where is the red cube?", "split": "train"}
    test = reader.where(lambda known: known["split"] == "test")
    assert list(test) == [grids[0], grids[2]]
    assert test.metadata(1)["number"] == 0
    with pytest.raises(IndexError):
        reader[4]


def test_a_shard_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.grids"
    with pytest.raises(InputError), ShardWriter(path, LAYOUT, **PRINTS) as writer:
        writer.add(replace(some_grids()[1], text=np.array([-1], np.int32)))
    assert not path.exists()
    write(path, some_grids())
    assert [p.name for p in path.parent.iterdir()] == ["a.grids"]


def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))
    try:
        with pytest.raises(InputError, match="free some space"):
            write(tmp_path / "a.grids", some_grids())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="another folder"):
        write(tmp_path / "file" / "a.grids", some_grids())


def test_damage_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.grids", some_grids())
    data = path.read_bytes()
    for at in range(0, len(data), 7):
        broken = bytearray(data)
        broken[at] ^= 0x10
        path.write_bytes(broken)
        with pytest.raises(InputError, match=r"again|make shards"):
            list(Shard(path))
    for size in (0, 5, 19, 100, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(InputError, match=r"again|make shards"):
            list(Shard(path))


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="roboego synth"):
        ShardReader(tmp_path)
    with pytest.raises(InputError, match="roboego synth"):
        ShardReader([tmp_path / "a.grids"])
    (tmp_path / "a.grids").write_bytes(b"RIFF" + bytes(100))
    with pytest.raises(InputError, match="not a shard"):
        ShardReader(tmp_path)
    with pytest.raises(InputError, match=r"\.grids"):
        ShardWriter(tmp_path / "a.zip", LAYOUT, **PRINTS)


@pytest.mark.parametrize("what", ["codec", "tokenizer"])
def test_another_fingerprint_is_refused(tmp_path: Path, what: str) -> None:
    write(tmp_path / "a.grids", some_grids())
    with pytest.raises(InputError, match=f"the {what}"):
        ShardReader(tmp_path, **{f"{what}_fingerprint": "other"})
    write(tmp_path / "b.grids", some_grids(), **{f"{what}_fingerprint": "other"})
    with pytest.raises(InputError, match=f"the {what}"):
        ShardReader(tmp_path)


def test_another_layout_is_refused_but_other_delays_are_not(tmp_path: Path) -> None:
    write(tmp_path / "a.grids", some_grids())
    with pytest.raises(InputError, match="layout"):
        ShardReader(tmp_path, layout=replace(LAYOUT, spk_delay=5))
    delayed = replace(LAYOUT, speak=replace(LAYOUT.speak, delays=(0, 1, 1)))
    assert ShardReader(tmp_path, layout=delayed).layout == delayed


def test_grids_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path / "a.grids", LAYOUT, **PRINTS)
    grid = some_grids()[2]
    for name, value in (("text", 60), ("read", -1), ("speak", 9), ("listen", -1), ("act", 16)):
        wrong = grid[:]
        array = getattr(wrong, name).copy()
        array[0] = value
        with pytest.raises(InputError, match=f"{name} holds ids"):
            writer.add(replace(wrong, **{name: array}))
    with pytest.raises(InputError, match="codebooks"):
        writer.add(empty_grid(replace(LAYOUT, speak=LAYOUT.listen), 3))
    with pytest.raises(InputError, match="JSON"):
        writer.add(grid, {"snr": float("nan")})


SOUND = SoundLayout(codebooks=8, entries=512)
NANO = StreamLayout(text=TextLayout(ids=1000), speak=SOUND, listen=SOUND)


def dialogue(rng: np.random.Generator, seconds: float, talking: float) -> FrameGrid:
    """Random codes on both sides; Ego talks for a share of the time, three words of 1.3 tokens a second."""
    silence = rng.integers(0, 512, 8).astype(np.int16)
    frames = int(seconds * FRAME_RATE)
    replies, at = [], 4
    while at < frames - 40:
        said = int(rng.integers(20, min(100, frames - at - 10)))
        n = max(1, int(said * FRAME_S * 3.9))
        ends = np.sort(rng.uniform(0.1, said * FRAME_S, n))
        codes = rng.integers(0, 512, (said, 8)).astype(np.int16)
        replies.append(Reply(tokens=rng.integers(23, 1000, n).astype(np.int32), codes=codes, token_ends_s=ends, start_s=at * FRAME_S))
        at += max(said + 4, int(said / talking))
    heard = rng.integers(0, 512, (frames, 8)).astype(np.int16)
    return TextFirst(NANO, silence=silence).arrange(Conversation(heard=heard, replies=tuple(replies)))


@pytest.mark.parametrize(("talking", "limit"), [(1.0, 1.0), (0.4, 0.65)])
def test_an_hour_of_dialogue_fits_in_a_mebibyte(tmp_path: Path, talking: float, limit: float) -> None:
    rng = np.random.default_rng(1)
    with ShardWriter(tmp_path / "hour.grids", NANO, **PRINTS) as writer:
        while writer.frames < 45_000:
            turns = [
                {"user": " ".join(rng.choice(list("abcdefgh"), 20)), "ego": " ".join(rng.choice(list("abcdefgh"), 30))} for _ in range(3)
            ]
            known = {"turns": turns, "voice": "joe", "condition": {"snr_db": float(rng.uniform(0, 20)), "room": "small"}, "split": "train"}
            writer.add(dialogue(rng, 30.0, talking), known)
    size = writer.close().stat().st_size
    assert size < limit * MIB, f"{size / MIB:.2f} MiB"


@settings(deadline=None, max_examples=20)
@given(conversations(spk_delay=2))
def test_a_stored_conversation_is_the_same(conversation: Conversation) -> None:
    organizer = TextFirst(LAYOUT, silence=np.zeros(3, np.int16))
    grid, table = organizer.arrange(conversation), WeightTable()
    assert organizer.arrange(organizer.read(unpack_grid(pack_grid(grid, LAYOUT, table), len(grid), LAYOUT, table))) == grid
