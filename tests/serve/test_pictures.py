"""Pictures that clients send: refused by their first bytes if they are too large, and decoded beside the event loop."""

import asyncio
import io
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image

from roboego.errors import InputError
from roboego.runtime.engine import Engine
from roboego.serve import pictures
from roboego.serve.live import Live, Pace
from roboego.serve.live_socket import PICTURE, _take
from roboego.serve.pictures import decoded
from tests.tiny import seeing_loaded


def written(form: str, size: tuple[int, int] = (8, 8)) -> bytes:
    file = io.BytesIO()
    Image.new("L", size, 200).save(file, form)
    return file.getvalue()


def claimed(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says how large it is."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", b"")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_what_cameras_and_screens_give_is_decoded(form: str) -> None:
    image = decoded(written(form))
    assert image.size == (8, 8)
    assert abs(int(np.asarray(image.convert("L")).mean()) - 200) < 3


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (claimed(5_000, 4_000), "16 million pixels, not 5000 x 4000"),
        (claimed(12_000, 12_000), "16 million pixels, not"),
        (claimed(60_000, 60_000), "16 million pixels; scale it down"),
        (claimed(100, 100), "damaged or cut short"),
        (written("PNG")[:45], "damaged or cut short"),
        (written("GIF"), "give a PNG, JPEG or WebP"),
        (b"no picture", "give a PNG, JPEG or WebP"),
    ],
    ids=["large", "warned of", "a bomb", "empty", "cut", "another format", "garbage"],
)
def test_others_are_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        decoded(data)


def test_the_event_loop_decodes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def watched(data: bytes) -> Image.Image:
        threads.append(threading.current_thread())
        return decoded(data)

    monkeypatch.setattr(pictures, "decoded", watched)
    live = Live(Engine(seeing_loaded()).open(), lambda result: None, Pace())
    asyncio.run(_take(bytes([PICTURE]) + written("JPEG"), live))
    live.begin()
    step_in = live.take(late=False)
    assert step_in is not None
    assert isinstance(step_in.look, Image.Image)
    assert threads
    assert threading.main_thread() not in threads
