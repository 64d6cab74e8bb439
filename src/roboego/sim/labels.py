"""Labels as they are printed."""

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

LETTERS, DIGITS = "abcdefghjklmnprstuvwxyz", "0123456789"
"""As on number plates there is no I, O or Q."""
HIGH_PIXELS = 64
_WIDEST, _MARGIN, _GAP = 0.85, 5, 6


def label_image(label: str, aspect: float = 1.0) -> Image.Image:
    """One to three dark characters on white, as large as the plate allows.

    Args:
        aspect: how wide the plate is, as a multiple of its height.
    """
    plate = Image.new("RGB", (round(aspect * (HIGH_PIXELS + 2 * _MARGIN)), HIGH_PIXELS + 2 * _MARGIN), "white")
    cell = min((plate.width - 2 * _MARGIN) // len(label), round(_WIDEST * HIGH_PIXELS))
    left = (plate.width - cell * len(label)) // 2
    for i, character in enumerate(label.upper()):
        look = _character(character, cell - _GAP)
        plate.paste(look, (left + cell * i + (cell - look.width) // 2, _MARGIN))
    return plate


@lru_cache(maxsize=1024)
def _character(character: str, wide: int) -> Image.Image:
    """As high as a plate, and as wide as it is beside a W of this width."""
    font = ImageFont.load_default(size=HIGH_PIXELS)
    (left, top, right, bottom), (w_left, _, w_right, _) = (font.getbbox(c, stroke_width=2) for c in (character, "W"))
    picture = Image.new("RGB", (round(right - left), round(bottom - top)), "white")
    ImageDraw.Draw(picture).text((-left, -top), character, fill=(15, 15, 15), font=font, stroke_width=2)
    share = max(0.3, (right - left) / (w_right - w_left))
    return picture.resize((max(1, round(share * wide)), HIGH_PIXELS), Image.Resampling.LANCZOS)
