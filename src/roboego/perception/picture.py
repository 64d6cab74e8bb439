"""Pictures of any kind -> the pixels that an encoder takes, or an error that says what is wrong with them."""
# S pixels a side

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from roboego.errors import InputError

Picture = Image.Image | NDArray[Any]
"""A Pillow image of any mode, or an array [height, width] or [height, width, 1, 3 or 4] of integers or of numbers from 0 to 1."""
SLACK = 1e-3
"""By how much floating point values may overshoot 0 to 1, as resampling makes them do."""


def open_picture(source: str | Path | bytes) -> Image.Image:
    """Reads an image file, or the bytes of one, in any format that Pillow knows.

    Raises:
        InputError: it is missing, damaged, cut short, too large, or no image.
    """
    name = "the picture" if isinstance(source, bytes) else str(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
            picture.load()
    except FileNotFoundError:
        raise InputError(f"{name} does not exist; check the path") from None
    except UnidentifiedImageError:
        raise InputError(f"{name} is no image that can be read; give a PNG or JPEG") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise InputError(f"{name} has too many pixels; scale it down") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{name} is damaged or cut short ({error}); save it again") from error
    return picture


def to_pixels(picture: Picture, size: int) -> Tensor:
    """A picture -> [3, S, S] from -1 (black) to 1 (white), the whole of it, squeezed to a square.

    A photo is turned upright as its EXIF data says; what is transparent becomes white; gray becomes colour.

    Raises:
        InputError: it is empty, damaged, of another shape or type, or has values that are no colours.
    """
    square = to_image(picture).resize((size, size), Image.Resampling.BICUBIC)
    pixels_SS3 = torch.from_numpy(np.array(square, np.float32))
    return (pixels_SS3 / 127.5 - 1).permute(2, 0, 1).contiguous()


def to_image(picture: Picture) -> Image.Image:
    """A picture as an image in RGB, upright, what is transparent in white. Raises as `to_pixels`."""
    return _upright(picture) if isinstance(picture, Image.Image) else _from_array(picture)


def _upright(image: Image.Image) -> Image.Image:
    """Any Pillow image in RGB."""
    if not image.width or not image.height:
        raise InputError(f"the picture is {image.width} x {image.height} pixels; give one that is not empty")
    try:
        image = ImageOps.exif_transpose(image)
        # Pillow would clip what is above 255.
        if image.mode == "F":
            return _from_array(np.asarray(image))
        if image.mode.startswith("I"):
            return _from_array(np.asarray(image).clip(0, 65_535).astype(np.uint16))
        if image.mode == "La":
            image = image.convert("LA")
        if image.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in image.info:
            image = image.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
        return image.convert("RGB")
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"the picture is damaged or cut short ({error}); save it again") from error


def _from_array(array: NDArray[Any]) -> Image.Image:
    """Any array of colours as an image in RGB."""
    if not isinstance(array, np.ndarray):
        raise InputError(f"a picture must be a Pillow image or a numpy array, not {type(array).__name__}; open files with open_picture")
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or not array.size:
        raise InputError(f"a picture must be an array [height, width] or [height, width, 1, 3 or 4], not {list(array.shape)}")
    levels = _to_levels(array)
    if levels.shape[2] == 4:
        return _upright(Image.fromarray(np.ascontiguousarray(levels)))
    return Image.fromarray(np.ascontiguousarray(levels.repeat(3, 2) if levels.shape[2] == 1 else levels))


def _to_levels(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        return (array // 257).astype(np.uint8)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"a picture's values must be uint8, uint16, bool or floating point, not {array.dtype}; convert it to uint8")
    low, high = float(array.min()), float(array.max())
    if not -SLACK <= low <= high <= 1 + SLACK:
        raise InputError(f"a floating point picture must have values from 0 to 1, not from {low:g} to {high:g}; divide 0 to 255 by 255")
    return (array.clip(0, 1) * 255 + 0.5).astype(np.uint8)
