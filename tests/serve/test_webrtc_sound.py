"""Sound on its way to and from WebRTC's tracks."""

from fractions import Fraction

import numpy as np
from av import AudioFrame

from roboego.runtime.frame import Frame
from roboego.serve.webrtc.intake import Ear
from roboego.serve.webrtc.playout import Playout
from roboego.sound.pcm import to_pcm16
from roboego.timebase import FRAME_SAMPLES, SAMPLE_RATE

BLOCK = 480


def frame(level: float) -> Frame:
    speech = np.full(FRAME_SAMPLES, level, np.float32)
    return Frame(
        index=0,
        speech=speech,
        codes=np.zeros(0, np.int64),
        token=0,
        text="",
        caption=0,
        heard="",
        action=None,
        spoken_upto=0,
        spoken_text="",
    )


def levels(playout: Playout) -> list[float]:
    """All that waits, block by block."""
    return [round(float(playout.take()[0]) / 32_767, 2) for _ in range(len(playout))]


def test_sound_that_comes_late_is_played_a_little_later() -> None:
    playout = Playout(ahead=1)
    assert not playout.take().any()
    playout.put(frame(0.5))
    assert levels(playout) == [0, 0.5, 0.5, 0.5, 0.5]
    playout.put(frame(0.25))
    assert levels(playout)[0] == 0


def test_of_sound_that_comes_early_silence_gives_way_and_beyond_the_bound_the_oldest_goes_and_is_counted() -> None:
    playout = Playout(ahead=0, early=6, most=12)
    for level in (0.1, 0.2, 0.0, 0.3, 0.0):
        assert playout.put(frame(level)) == 0
    assert playout.shortened == 2
    assert len(playout) == 12
    assert playout.put(frame(0.4)) == 4
    assert playout.lost == 4
    assert levels(playout) == 4 * [0.2] + 4 * [0.3] + 4 * [0.4]


def decoded(pcm_N: np.ndarray, at: int) -> AudioFrame:
    """Samples at 48 kHz as an Opus decoder gives them: two channels, 16 bits."""
    block = AudioFrame.from_ndarray(to_pcm16(pcm_N).repeat(2)[None], format="s16", layout="stereo")
    block.sample_rate, block.time_base, block.pts = 48_000, Fraction(1, 48_000), at
    return block


def test_what_is_heard_has_no_seams_and_lost_packets_are_silence_in_their_place() -> None:
    tone_N = 0.5 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
    ear, lossy = Ear(), Ear()
    heard_N = np.concatenate([ear.take(decoded(tone_N[at : at + 960], at)) for at in range(0, 48_000, 960)])
    there = [at for at in range(0, 48_000, 960) if not 9_600 <= at < 12_480]
    lossy_N = np.concatenate([lossy.take(decoded(tone_N[at : at + 960], at)) for at in there])
    assert 0 <= SAMPLE_RATE - len(heard_N) < 32
    assert np.abs(heard_N[100:-100] - tone_N[200:-200:2][: len(heard_N) - 200]).max() < 0.01
    assert lossy.missing == 2_880
    assert len(lossy_N) == len(heard_N)
    assert np.abs(lossy_N[4_850:6_190]).max() < 0.01
    assert np.abs(lossy_N[6_300:] - heard_N[6_300:]).max() < 0.01
    assert ear.missing == 0
