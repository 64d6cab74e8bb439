"""What soundfile leaves out of libsndfile's Ogg files."""

import soundfile

_SET_PAGE_LATENCY_MS = 0x1302
"""libsndfile's SFC_SET_OGG_PAGE_LATENCY_MS, which soundfile does not offer."""


def write_pages_often(file: soundfile.SoundFile, milliseconds: float = 200.0) -> None:
    """Lets an Ogg file that is being written have a page at least so often: what a page holds can be read whatever happens after it.

    The default is a second.
    """
    value = soundfile._ffi.new("double*", milliseconds)
    soundfile._snd.sf_command(file._file, _SET_PAGE_LATENCY_MS, value, soundfile._ffi.sizeof("double"))
