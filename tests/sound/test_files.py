"""Files that appear when they are complete, or not at all."""

from pathlib import Path

import pytest

from roboego.errors import InputError
from roboego.sound.files import appearing, appearing_in, check_folder_target, check_target


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "new" / "out.txt"
    with appearing(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
        assert temporary.parent == target.parent
    assert target.read_text() == "whole"
    assert names(target.parent) == ["out.txt"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path: Path, failure: type[BaseException]) -> None:
    target = tmp_path / "out.txt"
    target.write_text("before")
    with pytest.raises(failure), appearing(target) as temporary:
        temporary.write_text("half")
        raise failure
    assert target.read_text() == "before"
    assert names(tmp_path) == ["out.txt"]


def test_a_device_is_written_to_directly() -> None:
    with appearing(Path("/dev/null")) as place:
        assert place == Path("/dev/null")


def test_files_of_a_folder_appear_together(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with appearing_in(target) as folder:
        (folder / "a").write_text("1")
        (folder / "b").write_text("2")
        assert not target.exists()
    assert names(target) == ["a", "b"]
    assert names(tmp_path) == ["out"]


def test_files_of_a_folder_replace_those_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "kept").write_text("kept")
    with appearing_in(tmp_path) as folder:
        (folder / "a").write_text("new")
    assert names(tmp_path) == ["a", "kept"]
    assert (tmp_path / "a").read_text() == "new"


@pytest.mark.parametrize("exists", [False, True])
def test_a_failure_leaves_a_folder_as_it_was(tmp_path: Path, exists: bool) -> None:
    target = tmp_path / "out"
    if exists:
        target.mkdir()
        (target / "a").write_text("old")
    with pytest.raises(ValueError, match="stop"), appearing_in(target) as folder:
        (folder / "a").write_text("new")
        raise ValueError("stop")
    assert names(tmp_path) == (["out"] if exists else [])
    if exists:
        assert (target / "a").read_text() == "old"


def test_a_folder_that_is_there_is_written_from_within(tmp_path: Path) -> None:
    # Nothing beside it can be moved to it where it is a mount point.
    with appearing_in(tmp_path) as folder:
        assert folder.parent == tmp_path
    assert names(tmp_path) == []


def test_targets_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a folder"):
        check_target(tmp_path)
    with pytest.raises(InputError, match="not a folder"):
        check_target(tmp_path / "file" / "out.wav")
    with pytest.raises(InputError, match="is a file"):
        check_folder_target(tmp_path / "file")
    with pytest.raises(InputError, match="not a folder"):
        check_folder_target(tmp_path / "file" / "deeper" / "out")
