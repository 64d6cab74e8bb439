"""Conversations that a server recorded become shards of grids: `dialogue-train-NAME`, and `asr-dialogue-train-NAME` of the same sound."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from roboego.data.importing.parts import Part, parts_of
from roboego.data.importing.tracks import tracks_of
from roboego.data.importing.witnessed import WitnessWriter
from roboego.data.recorded import EVENTS, SOUND, Heading, Recorded, frames_of, heading_of, read_recorded
from roboego.data.shards import ShardWriter
from roboego.data.workshop import Workshop
from roboego.errors import InputError
from roboego.perception.picture import to_image
from roboego.streams.layout import StreamLayout
from roboego.timebase import frames_to_seconds


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which conversations of a folder are imported; by default all.

    Attributes:
        ids: names of their folders; none: all.
        since: started then or later, in seconds since 1970.
        shortest_s: those that last so long at least.
    """

    ids: tuple[str, ...] = ()
    since: float | None = None
    shortest_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of one conversation.

    Attributes:
        seconds, parts: how much was taken, and in how many grids.
        note: why it was not, or not all of it; "" if it was.
    """

    id: str
    seconds: float = 0.0
    parts: int = 0
    note: str = ""

    def __str__(self) -> str:
        if not self.parts:
            return f"{self.id}: left out: {self.note}"
        note = f" ({self.note})" if self.note else ""
        return f"{self.id}: {self.seconds:.1f} s in {self.parts} part{'s' if self.parts > 1 else ''}{note}"


@dataclass
class ImportedConversations:
    """What came of an import; `captions`: what the models wrote down of the user's words was taken too."""

    captions: bool
    conversations: list[Taken] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Of all grids."""
        return sum(taken.seconds for taken in self.conversations)


def import_recordings(
    folder: Path,
    grids: Path,
    pictures: Path,
    *,
    shop: Workshop,
    layout: StreamLayout,
    name: str,
    wanted: Wanted | None = None,
    captions: bool = True,
    progress: Callable[[Taken], None] = lambda taken: None,
) -> ImportedConversations:
    """Makes the shards of what `roboego serve --record FOLDER` wrote, oldest conversations first. Nothing in the folder is changed.

    Args:
        grids: the folder of shards; pictures: that of banks of pictures, of which one of the shard's name has what was shown.
        captions: take what the models wrote down of the user's words. Where one of them wrote nothing down, none is taken.
        progress: told of each conversation.
    Raises:
        InputError: there are none, none can be used, or nothing can be written.
    """
    wanted = wanted or Wanted()
    found, unreadable = _found(folder, wanted)
    told = ImportedConversations(captions=captions and all(heading.captions for _, heading in found))

    def note(taken: Taken) -> None:
        told.conversations.append(taken)
        progress(taken)

    for taken in unreadable:
        note(taken)
    prints = {"codec_fingerprint": shop.codec.fingerprint, "tokenizer_fingerprint": shop.tokenizer.fingerprint}
    talks, transcripts = (grids / f"{kind}dialogue-train-{name}-00000.grids" for kind in ("", "asr-"))
    witness = WitnessWriter()
    with ExitStack() as stack:
        writers = [
            stack.enter_context(ShardWriter(path, layout, **prints)) for path in ([talks, transcripts] if told.captions else [talks])
        ]
        for path, _ in found:
            parts, taken = _parts(path, wanted.shortest_s, layout, shop)
            for part in parts:
                _write(part, writers, {"voice": name, "file": path.name, "first_frame": part.start})
                witness.add(_shown(path, part), part.felt)
            note(taken)
        if not len(writers[0]):
            raise InputError(f"no conversation of {folder} could be used: {told.conversations[0]}")
    witness.save(talks, pictures)
    if not told.captions:  # those of an import before would be taken for these conversations'
        transcripts.unlink(missing_ok=True)
    return told


def _found(folder: Path, wanted: Wanted) -> tuple[list[tuple[Path, Heading]], list[Taken]]:
    """Conversations that are wanted, in the order of time, with their headings; and those that have none.

    Raises:
        InputError: there are none, or one that is named is not there.
    """
    paths = sorted(path for path in folder.iterdir() if (path / EVENTS).exists() or (path / SOUND).exists())
    missing = sorted(set(wanted.ids) - {path.name for path in paths})
    if missing:
        raise InputError(f"{folder} holds no conversation {missing[0]!r}; their ids are the names of its folders")
    found, unreadable = [], []
    for path in paths:
        if wanted.ids and path.name not in wanted.ids:
            continue
        try:
            heading = heading_of(path)
        except InputError as error:
            unreadable.append(Taken(id=path.name, note=str(error)))
            continue
        if wanted.since is None or heading.started >= wanted.since:
            found.append((path, heading))
    if not found and not unreadable:
        rest = "of the time that is wanted" if paths else "that roboego serve --record wrote; name the folder that it was given"
        raise InputError(f"{folder} holds no conversations {rest}")
    return sorted(found, key=lambda entry: entry[1].started), unreadable


def _parts(path: Path, shortest_s: float, layout: StreamLayout, shop: Workshop) -> tuple[list[Part], Taken]:
    """The grids of one conversation. Whatever is wrong with it is told, and no reason to stop."""
    seconds = frames_to_seconds(frames_of(path))
    if 0 < seconds < shortest_s:
        return [], Taken(id=path.name, note=f"it lasts {seconds:.1f} s")
    try:
        recorded = read_recorded(path)
        tracks = tracks_of(path, recorded, layout, shop)
        parts = list(parts_of(tracks, layout, shop))
    except InputError as error:
        return [], Taken(id=path.name, note=str(error))
    note = _note(recorded, len(tracks.grid)) if parts else "nothing is said in it"
    lost = len({file for part in parts for _, file in part.pictures if _picture(path / file) is None})
    if lost:
        note = f"{note}{', ' if note else ''}{lost} of its pictures cannot be read"
    return parts, Taken(id=path.name, seconds=frames_to_seconds(sum(len(p.talk) for p in parts)), parts=len(parts), note=note)


def _shown(path: Path, part: Part) -> list[tuple[int, NDArray[np.uint8]]]:
    """Frames and pictures of a part, as far as these can be read."""
    found = ((frame, _picture(path / file)) for frame, file in part.pictures)
    return [(frame, picture) for frame, picture in found if picture is not None]


def _picture(path: Path) -> NDArray[np.uint8] | None:
    """[H, W, 3]; None: it cannot be read."""
    try:
        with Image.open(path) as image:
            return np.asarray(to_image(image))
    except (OSError, InputError):
        return None


def _note(recorded: Recorded, frames: int) -> str:
    """Why not all of a conversation was taken, if it is so."""
    end = f"up to {frames_to_seconds(frames):.1f} s"
    if recorded.until is not None:
        return f"{end}, where its lines become unreadable"
    return "" if recorded.ended else f"{end}: it has no end, for its process was killed or it still goes on"


def _write(part: Part, writers: Sequence[ShardWriter], known: dict[str, Any]) -> None:
    """A part's grids; grid i of one shard is of the same sound as grid i of the other."""
    if part.pictures:
        known["pictures"] = [[frame, f"{known['file']}/{file}"] for frame, file in part.pictures]
    writers[0].add(part.talk, {"mode": "dialogue", **known})
    for writer in writers[1:]:
        writer.add(part.transcript, {"mode": "asr", "captions": "machine", **known})
