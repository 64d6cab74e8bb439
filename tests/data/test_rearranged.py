"""The same conversation laid out in other ways keeps its words, its sound, and when each of them is heard."""

from dataclasses import replace

import numpy as np
import pytest

from roboego.data.build import organizer
from roboego.data.manners import CALM
from roboego.data.rearranged import UNMASKED, Rearranged
from roboego.data.talk.sampling import sample_exchange
from roboego.errors import InputError
from roboego.streams.grid import FrameGrid
from roboego.streams.organizers.organization import Organization
from tests.data.test_dialogue import layout, shop, talk, written


def dialogues() -> tuple[list[FrameGrid], list[FrameGrid]]:
    made = [talk(sample_exchange(np.random.default_rng(seed), "train", turns=2), seed, CALM) for seed in (4, 5)]
    arrange = organizer(layout(), shop()).arrange
    return [arrange(m) for m in made], [arrange(replace(m, mode="asr", replies=())) for m in made]


@pytest.mark.parametrize(
    "organization",
    [Organization(spk_delay=8), Organization(kind="word-aligned"), Organization(kind="time-division", chunk=5), Organization(masks=False)],
    ids=["delay", "word-aligned", "time-division", "unmasked"],
)
def test_words_and_sound_stay_what_they_are(organization: Organization) -> None:
    grids, transcripts = dialogues()
    pool = Rearranged(grids, layout(), organization, shop())
    captions = pool.captions(transcripts)
    assert len(pool) == len(captions) == 2
    for i, grid in enumerate(grids):
        made = pool[i]
        assert written(made.text) == written(grid.text)
        assert written(captions[i].text) == written(transcripts[i].text)
        assert len(captions[i]) == len(made)
        said, was = (g.speak[(g.speak != shop().silence).any(1) & (g.speak != layout().speak.pad_id).any(1)] for g in (made, grid))
        assert np.array_equal(said, was)
        heard = made.listen[(made.listen != layout().listen.pad_id).any(1)]
        assert np.array_equal(heard[: len(grid)], grid.listen)


def test_replies_begin_when_they_did_and_their_speech_so_many_frames_later() -> None:
    grids, _ = dialogues()
    first = np.flatnonzero(grids[0].text)[0]
    later = Rearranged(grids, layout(), Organization(spk_delay=8), shop())[0]
    assert np.flatnonzero(later.text)[0] == first
    speaking, spoke = (int(np.flatnonzero((g.speak != shop().silence).any(1))[0]) for g in (later, grids[0]))
    assert speaking - spoke == 8 - layout().spk_delay
    unmasked = Rearranged(grids, layout(), Organization(masks=False), shop())[0]
    assert set(np.unique(unmasked.text_weight)) == {UNMASKED.wait_speaking}
    assert np.array_equal(unmasked.text, grids[0].text)


def test_a_conversation_that_does_not_fit_leaves_its_place_to_the_next() -> None:
    grids, transcripts = dialogues()
    late = Organization(spk_delay=8)
    crowded = replace(grids[0], text=np.roll(grids[0].text, 1))  # as no organizer makes it
    pool = Rearranged([crowded, grids[1]], layout(), late, shop())
    assert np.array_equal(pool[0].text, Rearranged(grids, layout(), late, shop())[1].text)
    assert written(pool.captions(transcripts)[0].text) == written(transcripts[1].text)
    with pytest.raises(InputError, match="can be laid out"):
        _ = Rearranged([crowded], layout(), late, shop())[0]
