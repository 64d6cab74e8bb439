"""nano taught further with one's own recordings: what the run learns from, and how it is judged."""

from pathlib import Path

import pytest

from roboego.errors import InputError
from roboego.recipes import nano
from roboego.recipes.nano_data import Places
from roboego.recipes.own import SHARE, own, take_tools


def places(folder: Path, *shards: str) -> Places:
    made = Places(root=folder)
    made.grids.mkdir(parents=True)
    for name in shards:
        (made.grids / f"{name}.grids").touch()
    return made


def test_half_is_theirs_and_half_is_what_is_there_of_before(tmp_path: Path) -> None:
    run = own("anna", places(tmp_path, "asr-user-train-anna-00000", "asr-user-train-anna-2-00000", "tts-ego-train-heart-00000-0"))
    shares = dict(run.pools)
    assert shares.pop("asr-user-train-anna-") == SHARE
    # What was imported as "anna-2" is none of theirs, but among what all stages learn from.
    assert set(shares) == {"asr-user-train-anna-2-0", "tts-ego-train"}
    assert sum(shares.values()) + run.written + run.assembled == pytest.approx(1 - SHARE)
    assert shares["asr-user-train-anna-2-0"] / shares["tts-ego-train"] == pytest.approx(
        dict(nano.sft().pools)["asr-user-train"] / dict(nano.sft().pools)["tts-ego-train"]
    )
    assert run.validation is None
    base = nano.sft()
    assert run.written / run.assembled == pytest.approx(base.written / base.assembled)


def test_what_is_kept_is_without_what_is_new(tmp_path: Path) -> None:
    before = ("asr-user-train-joe-00000-0", "asr-user-train-joe-00000-1", "asr-user-train-kokoro-00000-0", "dialogue-train-joe-00000")
    new = ("asr-user-train-joe-2-00000-0", "dialogue-train-joe-2-00000", "asr-dialogue-train-joe-2-00000")
    made = places(tmp_path, *before, "asr-dialogue-train-joe-00000", "tts-ego-train-heart-00000-0", *new)
    run = own("joe-2", made)
    theirs, kept = [p for p, _ in run.pools if "-joe-2-" in p], {p: share for p, share in run.pools if "-joe-2-" not in p}
    assert theirs == ["asr-user-train-joe-2-", "dialogue-train-joe-2-", "asr-dialogue-train-joe-2-"]
    for prefix in kept:
        assert not any("-joe-2-" in path.name for path in made.grids.glob(f"{prefix}*.grids"))
    # A pool's share is what it was; its voices have of it by their shards.
    assert kept["asr-user-train-joe-0"] == pytest.approx(2 * kept["asr-user-train-kokoro-0"])
    user = kept["asr-user-train-joe-0"] + kept["asr-user-train-kokoro-0"]
    assert user / kept["tts-ego-train"] == pytest.approx(dict(nano.sft().pools)["asr-user-train"] / dict(nano.sft().pools)["tts-ego-train"])
    assert dict(run.transcripts)["dialogue-train-joe-0"] == "asr-dialogue-train-joe-0"
    assert dict(run.transcripts)["dialogue-train-joe-2-"] == "asr-dialogue-train-joe-2-"
    # Where nothing of theirs is in a pool, it stays as it is.
    assert "tts-ego-train" in kept


def test_without_words_of_both_sides_exchanges_are_only_read(tmp_path: Path) -> None:
    run = own("anna", places(tmp_path, "asr-user-train-anna-00000"))
    assert run.assembled == 0.0
    assert run.pools == (("asr-user-train-anna-", SHARE),)
    assert run.written == pytest.approx(1 - SHARE)


def test_their_own_held_out_sentences_judge_it(tmp_path: Path) -> None:
    there = ("tts-ego-train-mine-00000", "tts-ego-validation-mine-00000", "asr-user-validation-joe-00000-0")
    assert own("mine", places(tmp_path, *there)).validation == ("asr-user-validation", "tts-ego-validation-mine-")


def test_without_recordings_it_says_how_to_import_some(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="roboego data import FOLDER --name nobody"):
        own("nobody", places(tmp_path, "asr-user-train-anna-00000"))


def test_tools_are_taken_once(tmp_path: Path) -> None:
    assert take_tools(Places(root=tmp_path))
    assert {p.name for p in (tmp_path / "tools").iterdir()} == {"codec", "tokenizer.json", "vit"}
    assert not take_tools(Places(root=tmp_path))
