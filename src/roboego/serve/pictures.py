"""Pictures that clients send: looked at before they are decoded, and decoded beside the event loop."""

import asyncio
import io
import threading
import warnings

from PIL import Image

from roboego.errors import InputError
from roboego.perception.picture import open_picture
from roboego.serve.live import Live

FORMATS = ("PNG", "JPEG", "WEBP")
"""Those whose size stands in their first bytes, and that Pillow decodes by itself."""
MOST_PIXELS = 16_000_000
"""Of a picture: 64 MB when it is decoded. Cameras of telephones make 12 million."""
_ONE = threading.Lock()
"""Pictures are decoded one at a time: the other cores are the step's. (Nor may two threads change warnings' filters at once.)"""


async def show(data: bytes, live: Live) -> None:
    """Lets a session see the picture of a PNG, JPEG or WebP file.

    Raises:
        InputError: the model does not see, or the picture cannot be used, as of `decoded`.
    """
    live.session.check_sees()
    live.see(await asyncio.to_thread(decoded, data))


def decoded(data: bytes) -> Image.Image:
    """A picture, whose size is known before memory is taken for it.

    Raises:
        InputError: it is none, damaged, of another format, or larger than `MOST_PIXELS`.
    """
    with _ONE:
        width, height = _size(data)
        if width * height > MOST_PIXELS:
            raise InputError(f"a picture has at most {MOST_PIXELS // 1_000_000} million pixels, not {width} x {height}; scale it down")
        return open_picture(data)


def _size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the first bytes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as header:
                return header.size
    except Image.DecompressionBombError:
        raise InputError(f"a picture has at most {MOST_PIXELS // 1_000_000} million pixels; scale it down") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError("the picture is no image that can be read; give a PNG, JPEG or WebP") from error
