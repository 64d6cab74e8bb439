"""The cascade: its parts run one after the other, each timed."""

import pytest

from roboego.evaluation.cascade import Cascade, Stages, summary
from tests.data.test_dialogue import say


def test_a_reply_takes_what_its_parts_take() -> None:
    stages = [Stages(detector_s=0.6, asr_s=a, llm_s=0.3, tts_s=0.1) for a in (9.0, 0.2, 0.4, 0.3)]
    told = summary(stages)
    assert told["reply_s"]["median"] == pytest.approx(1.3)
    assert told["reply_s"]["of"] == 3
    assert told["parts_s"]["asr_s"] == pytest.approx(0.3)


@pytest.mark.slow
def test_all_parts_run() -> None:
    pytest.importorskip("transformers")
    small = {"vocab_size": 64, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    stages = Cascade(shape=small | {"num_key_value_heads": 1}).reply(say("what is my name?").pcm, "your name is anna. hello.")
    assert stages.detector_s == 0.6
    assert min(stages.asr_s, stages.llm_s, stages.tts_s) > 0
