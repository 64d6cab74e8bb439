"""Folders that appear when they are complete, in place of the one that was there, which is never gone before the new one stands."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """An empty folder beside `folder` to write to. It takes its place when the block ends well, and is removed when it does not.

    The old folder is moved aside first and removed last. If the process is killed in between, `put_back` finds it; the next save
    clears away what else is left.

    Raises:
        OSError: something cannot be written; it names `folder`, as what stands beside it is no concern of the user.
    """
    place = folder.resolve()
    part, aside = place.with_name(f".{place.name}.part"), _aside(place)
    put_back(place)
    for left in (part, aside):
        shutil.rmtree(left, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        yield part
        if place.is_dir():
            place.rename(aside)
        part.rename(place)
    except BaseException as error:
        shutil.rmtree(part, ignore_errors=True)
        put_back(place)
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(folder)) from error
        raise
    shutil.rmtree(aside, ignore_errors=True)


def put_back(folder: Path) -> None:
    """If `folder` is gone because a save was killed between moving it aside and putting the new one there: puts the old one back."""
    if not folder.exists() and _aside(folder).is_dir():
        with suppress(OSError):
            _aside(folder).rename(folder)


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")
