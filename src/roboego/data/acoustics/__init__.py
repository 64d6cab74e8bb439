"""Everything that happens to sound between a mouth and the listening codec: other speakers, rooms, noise, echo, channels.

Mono float32 at 24 kHz throughout; what is random is drawn from a generator that the caller gives.
"""

from roboego.data.acoustics.condition import PRESETS, Condition, apply, draw_condition, preset
from roboego.data.acoustics.voice_change import SpeakerChange, as_speaker, change_voice, changed_voice, draw_speaker

__all__ = [
    "PRESETS",
    "Condition",
    "SpeakerChange",
    "apply",
    "as_speaker",
    "change_voice",
    "changed_voice",
    "draw_condition",
    "draw_speaker",
    "preset",
]
