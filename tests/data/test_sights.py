"""What the encoder makes of stored pictures: made once, kept beside them, and refused when it is another encoder's."""

from pathlib import Path

import numpy as np
import pytest
import torch

from roboego.data.pictures import PictureBank, PictureJob, make_pictures
from roboego.data.sights import SightBank, SightJob, drop_stale, make_sights, sights_of
from roboego.errors import InputError
from roboego.perception.files import save_vit
from roboego.perception.picture import to_pixels
from roboego.perception.vit import ViT, ViTConfig


def encoder(folder: Path, seed: int) -> ViT:
    torch.manual_seed(seed)
    vit = ViT(ViTConfig(image_size=32, width=24, layers=1, heads=2, hidden=32)).eval()
    for tensor in vit.state_dict().values():
        tensor.copy_(tensor.bfloat16())
    save_vit(vit, folder)
    return vit


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("pictures")
    for shard in range(2):
        make_pictures(PictureJob(folder=made, name="train", shard=shard, count=3, size=32))
    return made


def see(folder: Path, encoder: Path) -> list[Path]:
    return [make_sights(SightJob(index=index, encoder=encoder)) for index in sorted(folder.glob("*.jsonl"))]


def test_sights_are_what_the_encoder_makes_of_the_pictures(folder: Path, tmp_path: Path) -> None:
    vit = encoder(tmp_path / "vit", 0)
    pictures = PictureBank(folder, "train")
    with pytest.raises(InputError, match="roboego synth sights"):
        SightBank(pictures)
    see(folder, tmp_path / "vit")
    sights = SightBank(pictures)
    assert sights.encoder == vit.fingerprint
    assert sights.vectors.shape == (len(pictures), 24)
    chosen = [0, len(pictures) - 1, 2]
    with torch.inference_mode():
        seen = vit(torch.stack([to_pixels(pictures[i].picture, 32) for i in chosen]))
    np.testing.assert_allclose(sights.vectors[chosen], seen.vector.numpy(), atol=5e-3)
    np.testing.assert_allclose(sights.tokens([chosen])[0], seen.tokens.numpy(), atol=5e-3)


def test_another_encoder_sees_everything_anew(folder: Path, tmp_path: Path) -> None:
    encoder(tmp_path / "one", 1)
    see(folder, tmp_path / "one")
    before = sights_of(folder / "train-00000.jsonl").stat().st_mtime_ns
    see(folder, tmp_path / "one")
    assert sights_of(folder / "train-00000.jsonl").stat().st_mtime_ns == before
    two = encoder(tmp_path / "two", 2)
    make_sights(SightJob(index=folder / "train-00000.jsonl", encoder=tmp_path / "two"))
    with pytest.raises(InputError, match="different encoders"):
        SightBank(PictureBank(folder, "train"))
    see(folder, tmp_path / "two")
    assert SightBank(PictureBank(folder, "train")).encoder == two.fingerprint
    jobs = [SightJob(index=index, encoder=tmp_path / "one") for index in sorted(folder.glob("*.jsonl"))]
    drop_stale(jobs)
    assert not any(job.out.exists() for job in jobs)


def test_a_picture_of_no_bank_may_be_added(folder: Path, tmp_path: Path) -> None:
    vit = encoder(tmp_path / "vit", 0)
    see(folder, tmp_path / "vit")
    pictures = PictureBank(folder, "train")
    sights, black = SightBank(pictures), np.zeros((40, 40, 3), np.uint8)
    number = sights.add(vit, black)
    assert number == len(pictures)
    with torch.inference_mode():
        seen = vit(to_pixels(black, 32)[None])
    np.testing.assert_allclose(sights.vectors[number], seen.vector[0].numpy(), atol=5e-3)
    np.testing.assert_allclose(sights.tokens([0, number])[1], seen.tokens[0].numpy(), atol=5e-3)
