"""Files that appear when they are complete: written under a temporary name beside the target, renamed at the end."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from roboego.errors import InputError


def check_target(path: Path) -> None:
    """Sees, before any work is done, whether a file can be written at `path`; makes the folder that it goes to.

    Raises:
        InputError: there is a folder of that name, or a file where a folder is needed.
        OSError: the folder cannot be made or written to.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file in it")
    _check_folder(path.parent)


def check_folder_target(folder: Path) -> None:
    """The same for a folder that is to hold files.

    Raises:
        InputError: there is a file of that name.
        OSError: as of `check_target`.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give a folder, which is made if there is none")
    _check_folder(folder if folder.is_dir() else folder.parent)


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A temporary name beside `target`, renamed to it when the block ends well, and removed when it does not.

    What exists and is no ordinary file (a pipe, a terminal) is written to directly. Raises as `check_target`.
    """
    check_target(target)
    if target.exists() and not target.is_file():
        yield target
        return
    temporary = target.with_name(f".{target.name}.part{os.getpid()}")
    try:
        yield temporary
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


@contextmanager
def appearing_in(folder: Path) -> Iterator[Path]:
    """A temporary folder; when the block ends well its files move to `folder`, in place of those of the same names, else it is removed.

    Raises as `check_folder_target`.
    """
    check_folder_target(folder)
    # Inside a folder that is there: it may be a mount point, or a link to another disk, where nothing beside it can be moved to.
    temporary = folder / f".part{os.getpid()}" if folder.exists() else folder.with_name(f".{folder.name}.part{os.getpid()}")
    temporary.mkdir()
    try:
        yield temporary
        if folder.exists():
            for file in sorted(temporary.iterdir()):
                file.replace(folder / file.name)
            temporary.rmdir()
        else:
            temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{folder} is not a folder, so nothing can be put there; choose another place") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
