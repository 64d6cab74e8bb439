"""Labels as they are printed."""

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

LABEL_PIXELS = 96
FONT_SIZES = {1: 88, 2: 64, 3: 44}
"""By the number of characters."""


def label_image(label: str) -> Image.Image:
    """One to three dark characters on white."""
    picture = Image.new("RGB", (LABEL_PIXELS, LABEL_PIXELS), "white")
    middle = (LABEL_PIXELS / 2, LABEL_PIXELS / 2)
    ImageDraw.Draw(picture).text(middle, label.upper(), fill=(15, 15, 15), font=_font(FONT_SIZES[len(label)]), anchor="mm", stroke_width=1)
    return picture


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
