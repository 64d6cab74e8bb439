"""The mode of a session stands on the read stream from its token on."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from roboego.streams.layout import TextLayout
from roboego.streams.modes import is_mode, mode_of, with_mode

LAYOUT = TextLayout(ids=40)
READ = st.lists(st.sampled_from([0, 0, 0, 2, 3, 4, 30, 31]), min_size=1, max_size=30)


def track(tokens: list[int]) -> Tensor:
    return torch.tensor([tokens])


def test_a_mode_holds_until_the_next_one() -> None:
    read = track([0, 2, 0, 30, 0, 4, 0])
    assert mode_of(read, LAYOUT).tolist() == [[0, 2, 2, 2, 2, 4, 4]]
    assert with_mode(read, mode_of(read, LAYOUT), LAYOUT).tolist() == [[0, 2, 2, 30, 2, 4, 4]]


def test_a_layout_without_modes_reads_what_is_there() -> None:
    plain = TextLayout(ids=40, asr=None, tts=None, duplex=None)
    read = track([0, 2, 0, 30])
    assert not is_mode(read, plain).any()
    assert torch.equal(with_mode(read, mode_of(read, plain), plain), read)


@given(READ)
def test_frame_by_frame_it_is_the_same(tokens: list[int]) -> None:
    read, mode, given_to_model = track(tokens), torch.zeros(1, dtype=torch.int64), []
    for t in range(read.shape[1]):
        mode = torch.where(is_mode(read[:, t], LAYOUT), read[:, t], mode)
        given_to_model.append(with_mode(read[:, t], mode, LAYOUT))
    assert torch.equal(torch.stack(given_to_model, 1), with_mode(read, mode_of(read, LAYOUT), LAYOUT))
