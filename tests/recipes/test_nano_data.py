"""nano's data: what is kept for tests is in nothing that anything is trained on."""

from pathlib import Path

from roboego.data.voices import LISTENERS, UNSEEN
from roboego.data.voices.neural import KOKORO_TRAINING, KOKORO_UNSEEN
from roboego.recipes import nano, nano_codec
from roboego.recipes.nano_data import Places, banks, dialogues, grids, grounded, maker
from roboego.recipes.table import SPOKEN_REQUESTS, SPOKEN_SEEN

PLACES = Places(root=Path("runs"))
RESERVED = ("rms", "slt")
"""Voices of flite that are left to outside evaluation."""


def test_the_voice_kept_for_tests_is_in_the_test_split_alone() -> None:
    assert {job.name for job in banks(PLACES) if job.voice == UNSEEN} == {f"user-test-{UNSEEN}"}
    assert UNSEEN not in LISTENERS
    assert KOKORO_UNSEEN not in KOKORO_TRAINING


def test_no_training_data_has_it() -> None:
    voices = {job.name: job.voice for job in banks(PLACES)}
    heard = {voices[job.name] for job in grids(PLACES)} | {job.voice for job in (*dialogues(PLACES), *grounded(PLACES))}
    heard |= {voices[name] for name in learned_by_the_codec()}
    assert {"joe", "kokoro", "espeak-en-us"} <= heard
    assert UNSEEN not in heard
    assert not [voice for voice in heard if voice.endswith(RESERVED)]


def learned_by_the_codec() -> list[str]:
    """Banks of the codec, of its decoder and hearing, and of the recognizer that judges it."""
    shares = (*nano_codec.SHARES, *nano_codec.DECODER_SHARES, *nano_codec.HEARING_SHARES)
    return [*(name for name, _ in shares), *nano_codec.RECOGNIZER_BANKS]


def test_nothing_held_out_is_trained_on() -> None:
    assert not [name for name in learned_by_the_codec() if "validation" in name or "test" in name]
    made = {job.out.name for job in (*grids(PLACES), *dialogues(PLACES))} | {
        job.transcript.name for job in dialogues(PLACES) if job.transcript
    }
    assert not [name for name in made if "test" in name]
    for run in (nano.language(), nano.post_training(), nano.sft()):
        for prefix in (*(prefix for prefix, _ in run.pools), *(twin for _, twin in run.transcripts if twin)):
            learned = [name for name in made if name.startswith(prefix)]
            assert learned, prefix
            assert not [name for name in learned if "-train-" not in name], prefix


def test_every_pool_names_the_command_that_makes_it() -> None:
    assert {maker(job.out.name) for job in grids(PLACES)} == {"roboego synth grids"}
    made = [path.name for job in dialogues(PLACES) for path in (job.out, job.transcript) if path is not None]
    assert {maker(name) for name in made} == {"roboego synth dialogues"}
    at_the_table = [path.name for job in grounded(PLACES) for path in (job.out, job.transcript) if path is not None]
    assert {maker(name) for name in at_the_table} == {"roboego synth grounded"}
    for prefix in (*SPOKEN_SEEN, *SPOKEN_REQUESTS):
        assert [name for name in at_the_table if name.startswith(prefix)]
        assert not [name for name in (*made, *(job.out.name for job in grids(PLACES))) if name.startswith(prefix)]
    for prefix in (prefix for prefix, _ in nano.sft().pools):
        assert {maker(name) for name in (*made, *(job.out.name for job in grids(PLACES))) if name.startswith(prefix)} == {maker(prefix)}


def test_some_dialogues_have_functions_in_pools_that_stage_two_learns_from() -> None:
    calling = [job for job in dialogues(PLACES) if job.calling]
    assert {job.calling for job in calling} == {1.0}
    assert 0.03 < len(calling) / len(dialogues(PLACES)) < 0.2
    assert all(job.out.name.startswith(nano.sft().pools[0][0]) for job in calling)
    assert all(job.transcript is not None and job.transcript.name == f"asr-{job.out.name}" for job in calling)
    assert nano.text_layout().call is not None
