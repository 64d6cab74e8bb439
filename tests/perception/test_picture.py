"""Pictures of every kind become the same pixels; broken ones are refused with a reason."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.testing import assert_close

from roboego.errors import InputError
from roboego.perception.picture import open_picture, to_pixels

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (20, 30, 3), np.uint8)
GRAY = RNG.integers(0, 256, (20, 30), np.uint8)


def png(array: np.ndarray = COLOURS, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()


def test_pixels_go_from_black_to_white() -> None:
    half = np.zeros((10, 10, 3), np.uint8)
    half[:, 5:] = 255
    pixels = to_pixels(half, 16)
    assert pixels.shape == (3, 16, 16)
    assert pixels.dtype == torch.float32
    assert pixels[:, :, :4].eq(-1).all()
    assert pixels[:, :, -4:].eq(1).all()


@pytest.mark.parametrize(
    "same",
    [
        Image.fromarray(COLOURS),
        COLOURS.astype(np.float32) / 255,
        COLOURS.astype(np.float64) / 255,
        COLOURS.astype(np.uint16) * 257,
        np.concatenate([COLOURS, np.full((20, 30, 1), 255, np.uint8)], 2),
        COLOURS[:, ::-1][:, ::-1],
    ],
    ids=["pillow", "float32", "float64", "uint16", "opaque", "strides"],
)
def test_kinds_of_colour(same: Any) -> None:
    assert_close(to_pixels(same, 16), to_pixels(COLOURS, 16), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "same",
    [
        GRAY[..., None],
        GRAY[..., None].repeat(3, 2),
        Image.fromarray(GRAY),
        Image.fromarray(GRAY.astype(np.uint16) * 257),
        Image.fromarray(GRAY.astype(np.int32) * 257),
        Image.frombytes("I;16B", (30, 20), (GRAY.astype(">u2") * 257).tobytes()),
        Image.fromarray(GRAY.astype(np.float32) / 255),
    ],
    ids=["one channel", "three", "L", "I;16", "I", "I;16B", "F"],
)
def test_kinds_of_gray(same: Any) -> None:
    assert_close(to_pixels(same, 16), to_pixels(GRAY, 16), atol=1e-6, rtol=0)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "HSV", "LAB", "LA", "RGBA", "RGBX", "RGBa", "La", "PA"])
def test_every_mode_of_pillow(mode: str) -> None:
    image = Image.fromarray(COLOURS)
    step = {"La": "LA", "RGBa": "RGBA", "PA": "LA", "LAB": None}.get(mode)
    converted = Image.new("LAB", image.size) if mode == "LAB" else (image.convert(step) if step else image).convert(mode)
    assert to_pixels(converted, 16).isfinite().all()


def test_what_is_transparent_is_white() -> None:
    clear = np.zeros((4, 4, 4), np.uint8)
    assert to_pixels(clear, 8).eq(1).all()
    palette = Image.new("P", (4, 4))
    palette.info["transparency"] = 0
    assert to_pixels(palette, 8).eq(1).all()


def test_photos_are_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    file = io.BytesIO()
    Image.fromarray(COLOURS).save(file, "PNG", exif=exif)
    assert_close(to_pixels(open_picture(file.getvalue()), 16), to_pixels(COLOURS[::-1, ::-1], 16))


@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_any_size(height: int, width: int) -> None:
    pixels = to_pixels(np.full((height, width, 3), 255, np.uint8), 16)
    assert pixels.shape == (3, 16, 16)
    assert pixels.eq(1).all()


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((0, 4, 3), np.uint8), r"not \[0, 4, 3\]"),
        (np.zeros((3, 8, 8), np.uint8), r"not \[3, 8, 8\]"),
        (np.zeros(8, np.uint8), r"not \[8\]"),
        (np.zeros((4, 4, 3), np.int64), "int64"),
        (np.full((4, 4, 3), 255.0), "divide 0 to 255 by 255"),
        (np.full((4, 4, 3), np.nan), "from nan to nan"),
        (np.full((4, 4, 3), np.inf), "from inf"),
        (np.full((4, 4), None), "object"),
        (Image.new("RGB", (0, 5)), "0 x 5"),
        ("cup.png", "open files with open_picture"),
    ],
)
def test_broken_pictures(picture: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        to_pixels(picture, 16)


def test_files_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "cup.png").write_bytes(png())
    assert_close(to_pixels(open_picture(tmp_path / "cup.png"), 16), to_pixels(COLOURS, 16))
    assert_close(to_pixels(open_picture(png()), 16), to_pixels(COLOURS, 16))


def test_broken_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="does not exist"):
        open_picture(tmp_path / "none.png")
    with pytest.raises(InputError, match="no image"):
        open_picture(b"")
    with pytest.raises(InputError, match="no image"):
        open_picture(b"RIFF, a sound")
    for kind in ("PNG", "JPEG"):
        with pytest.raises(InputError, match="cut short"):
            open_picture(png(kind=kind)[:-300])
    with pytest.raises(InputError, match="damaged"):
        open_picture(tmp_path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(InputError, match="too many pixels"):
        open_picture(png())
