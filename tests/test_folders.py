"""Folders that take the place of others: whichever moment things go wrong at, the old or the new one is there."""

from pathlib import Path

import pytest

from roboego.folders import put_back, replacing
from tests.sound.test_writing import files_of_at_most


def write(folder: Path, text: str) -> None:
    with replacing(folder) as part:
        (part / "a.txt").write_text(text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_folder_takes_the_place_of_the_old(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "x"
    write(folder, "one")
    (folder / "b.txt").touch()
    write(folder, "two")
    assert (folder / "a.txt").read_text() == "two"
    assert names(folder) == ["a.txt"]
    assert names(folder.parent) == ["x"]


def test_the_folder_that_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "x")
    write(Path("."), "one")
    assert (tmp_path / "x" / "a.txt").read_text() == "one"
    assert names(tmp_path) == ["x"]


def test_a_failure_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), replacing(folder) as part:
            (part / "a.txt").write_text("half")
            raise KeyboardInterrupt
        with files_of_at_most(10), pytest.raises(OSError, match="too large") as caught:
            write(folder, 100 * "x")
        assert caught.value.filename == str(folder)
        assert names(tmp_path) == (["x"] if folder.exists() else [])
        write(folder, "one")
    assert (folder / "a.txt").read_text() == "one"


def test_a_failure_between_the_two_renames_puts_the_old_one_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "x", "one")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == ".x.part":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="Input/output"):
        write(tmp_path / "x", "two")
    assert (tmp_path / "x" / "a.txt").read_text() == "one"
    assert names(tmp_path) == ["x"]


def killed(folder: Path) -> None:
    """As a process leaves it that was killed between the renames."""
    folder.rename(folder.with_name(f".{folder.name}.old"))
    folder.with_name(f".{folder.name}.part").mkdir(exist_ok=True)


def test_what_a_kill_leaves_is_put_back_and_cleared_away(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    write(folder, "one")
    killed(folder)
    put_back(folder)
    assert (folder / "a.txt").read_text() == "one"
    killed(folder)
    with pytest.raises(KeyboardInterrupt), replacing(folder):
        raise KeyboardInterrupt
    assert (folder / "a.txt").read_text() == "one"
    killed(folder)
    write(folder, "two")
    assert (folder / "a.txt").read_text() == "two"
    assert names(tmp_path) == ["x"]


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("one")
    with pytest.raises(NotADirectoryError):
        write(tmp_path / "x", "two")
    assert (tmp_path / "x").read_text() == "one"
    assert names(tmp_path) == ["x"]
