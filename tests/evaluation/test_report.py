"""The page of an evaluation: all figures with intervals, pictures and sounds that exist."""

import re
from pathlib import Path

import numpy as np
import soundfile

from roboego.evaluation.report import Sample, figures_of, write_report
from roboego.evaluation.talk import Talked

RESULTS = {
    "model": "nano",
    "asr": {"voices": {"joe": {"wer": 0.05, "interval": [0.03, 0.08], "words": 120, "sentences": 20}}},
    "duplex": {
        "pause": {
            "good": {"rate": 0.9, "of": 40, "interval": [0.77, 0.96]},
            "stop_s": None,
            "latency_s": {"median": 0.4, "p90": 0.6, "median_interval": [0.38, 0.44], "of": 36},
        },
        "wrong": [{"good": False}],
    },
}


def test_every_figure_with_an_interval_is_told() -> None:
    told = [(f.name, f.value, f.low, f.high, f.of, f.unit) for suite in ("asr", "duplex") for f in figures_of(RESULTS[suite])]  # type: ignore[arg-type]
    assert told == [
        ("voices joe WER", 0.05, 0.03, 0.08, "120 words", "share"),
        ("pause good", 0.9, 0.77, 0.96, "40", "share"),
        ("pause latency median", 0.4, 0.38, 0.44, "36", "s"),
    ]


def test_points_between_two_models_are_told_beside_both() -> None:
    rate = {"wer": 0.05, "interval": [0.03, 0.08], "words": 120, "sentences": 20}
    found = {"tts": {"before": rate, "after": rate, "points": 1.5, "points_interval": [-0.5, 3.0]}}
    assert [(f.name, f.value, f.unit) for f in figures_of(found)] == [
        ("tts points", 1.5, "points"),
        ("tts before WER", 0.05, "share"),
        ("tts after WER", 0.05, "share"),
    ]


def test_the_page_names_only_files_that_are_there(tmp_path: Path) -> None:
    sound = (0.1 * np.sin(np.arange(48_000) / 20)).astype(np.float32)
    sample = Sample(suite="duplex", title="pause: <as it should be>", note="Ego: a & b", talked=Talked(user=sound, ego=sound[::-1]))
    page = write_report(tmp_path / "report", RESULTS, [sample], command="roboego eval nano --suite all")
    text = page.read_text()
    assert "pause: &lt;as it should be&gt;" in text
    assert "90.0%" in text
    named = re.findall(r'src="([^"]+)"', text)
    assert len(named) == 5
    assert all((page.parent / name).stat().st_size > 500 for name in named)
    pcm, rate = soundfile.read(page.parent / "duplex-00.flac")
    assert (pcm.shape, rate) == ((48_000, 2), 24_000)
