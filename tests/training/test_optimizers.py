"""The optimizers of a run: Muon for linear layers, AdamW for the rest, saved and taken up again as one."""

import pytest
import torch
from torch import Tensor, nn

from roboego.errors import InputError
from roboego.training.optimizers import Optimizers, optimizers


def network(seed: int = 0) -> nn.ModuleDict:
    torch.manual_seed(seed)
    hidden = nn.Sequential(nn.Linear(8, 16), nn.RMSNorm(16), nn.Linear(16, 8))
    return nn.ModuleDict({"table": nn.Embedding(5, 8), "hidden": hidden, "head": nn.Linear(8, 5, bias=False)})


def made(net: nn.ModuleDict, choice: str = "muon") -> Optimizers:
    return optimizers(choice, list(net.parameters()), (net["hidden"],), learning_rate=0.01, weight_decay=0.1, betas=(0.9, 0.98))


def loss(net: nn.ModuleDict) -> Tensor:
    words = torch.arange(5)
    return nn.functional.cross_entropy(net["head"](net["hidden"](net["table"](words))), (words + 1) % 5)


def steps(net: nn.ModuleDict, moving: Optimizers, count: int) -> None:
    for _ in range(count):
        moving.zero_grad()
        loss(net).backward()  # type: ignore[no-untyped-call]
        moving.step()


def test_linear_layers_move_by_orthogonal_updates_and_the_rest_by_adamw() -> None:
    net = network()
    before = net["hidden"][0].weight.detach().clone()
    moving = made(net)
    assert [type(part).__name__ for part in moving.parts] == ["AdamW", "Muon"]
    steps(net, moving, 1)
    update = (net["hidden"][0].weight - before * (1 - 0.01 * 0.1)).detach()
    singular = torch.linalg.svdvals(update / (0.01 * 0.2 * 4))
    assert 0.5 < float(singular[3]) < float(singular[0]) < 1.5  # five words give a gradient of rank four
    muon = {id(p) for group in moving.parts[1].param_groups for p in group["params"]}
    assert muon == {id(net["hidden"][0].weight), id(net["hidden"][2].weight)}


@pytest.mark.parametrize("choice", ["adamw", "muon"])
def test_a_state_that_was_saved_goes_on_as_if_it_had_not_been(choice: str) -> None:
    whole, parts = network(), network()
    steps(whole, made(whole, choice), 6)
    first = made(parts, choice)
    steps(parts, first, 3)
    second = made(parts, choice)
    second.load_state_dict(first.state_dict())
    steps(parts, second, 3)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), parts.parameters(), strict=True))
    assert loss(whole).item() < loss(network()).item()


def test_other_optimizers_and_names_are_refused() -> None:
    net = network()
    with pytest.raises(ValueError, match="1 optimizers were saved, and there are 2"):
        made(net).load_state_dict(made(net, "adamw").state_dict())
    with pytest.raises(InputError, match="one of adamw, muon"):
        made(net, "sgd")
