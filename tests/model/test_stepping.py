"""Layers as a step calls them equal the layers, however their weights are stored and split among threads."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from roboego.model.layers import RMSNorm, SwiGLU
from roboego.model.stepping import SMALL, Projection, StepNorm, StepSwiGLU, joined, lay_out_for_steps


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request: pytest.FixtureRequest) -> int:
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(1)


class Adapter(nn.Module):
    """What takes the place of a linear layer in fine-tuning."""

    def __init__(self, inner: nn.Linear) -> None:
        super().__init__()
        self.inner = inner
        # Adapters show the weight of the layer that they replace; using it would leave them out.
        self.weight, self.bias, self.out_features = inner.weight, inner.bias, inner.out_features

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.inner(x) + 1
        return result


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e3])
def test_norms(scale: float) -> None:
    norm = RMSNorm(24, 1e-5)
    norm.weight.data.normal_()
    x = torch.randn(5, 24) * scale
    with torch.no_grad():
        assert_close(StepNorm(norm)(x), norm(x), atol=1e-5, rtol=1e-5)
        half = norm.bfloat16()
        assert_close(StepNorm(half)(x.bfloat16()), half(x.bfloat16()))


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", [(8, 12), (12, 8), (300, 500), (500, 1_000)], ids=str)
@pytest.mark.parametrize("by_column", [False, True])
def test_projections(threads: int, rows: int, bias: bool, sizes: tuple[int, int], by_column: bool) -> None:
    linear = nn.Linear(*sizes, bias=bias).requires_grad_(False)
    x, to = torch.randn(rows, sizes[0]), torch.randn(rows, sizes[1])
    expected = linear(x)
    if by_column:
        lay_out_for_steps(nn.Sequential(linear))
        assert linear.weight.is_contiguous() == (sizes[1] <= 1.5 * sizes[0])
    step = Projection(linear)
    assert step.parts == (2 if threads == 2 and sizes[0] * sizes[1] > SMALL else 1)
    assert Projection(linear, cached=True).parts == 1
    assert_close(linear(x), expected, atol=1e-4, rtol=1e-4)
    assert_close(step(x), expected, atol=1e-4, rtol=1e-4)
    assert_close(step.added(to, x), to + expected, atol=1e-4, rtol=1e-4)
    in_four = Projection(linear, parts=4)
    assert_close(joined(in_four.in_parts(x)), expected, atol=1e-4, rtol=1e-4)
    assert_close(in_four(x), expected, atol=1e-4, rtol=1e-4)
    assert_close(in_four.added(to, x), to + expected, atol=1e-4, rtol=1e-4)
    buffer = torch.empty(4, rows, sizes[1] // 4)
    in_four.write_parts(x, buffer)
    assert_close(joined(buffer), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("hidden", [6, 400])
@pytest.mark.parametrize("cached", [False, True])
def test_feed_forward(threads: int, rows: int, hidden: int, cached: bool) -> None:
    norm, mlp = RMSNorm(200, 1e-5), SwiGLU(200, hidden, bias=hidden == 6)
    x = torch.randn(rows, 200)
    with torch.no_grad():
        expected = x + mlp(norm(x))
        assert_close(StepSwiGLU(norm, mlp, cached=cached)(x), expected, atol=1e-5, rtol=1e-4)
        lay_out_for_steps(mlp)
        assert_close(StepSwiGLU(norm, mlp, cached=cached)(x), expected, atol=1e-5, rtol=1e-4)


def test_adapters_are_called_as_they_are() -> None:
    linear = nn.Linear(4, 6, bias=False).requires_grad_(False)
    x, to = torch.randn(2, 4), torch.randn(2, 6)
    adapted = Projection(Adapter(linear), parts=3)
    assert_close(adapted(x), linear(x) + 1)
    assert_close(adapted.added(to, x), to + linear(x) + 1)
    buffer = torch.empty(3, 2, 2)
    adapted.write_parts(x, buffer)
    assert_close(joined(buffer), linear(x) + 1)


def test_changes_of_weights_in_place_are_seen() -> None:
    linear = nn.Linear(4, 6).requires_grad_(False)
    step, x = Projection(linear), torch.randn(2, 4)
    linear.weight.mul_(2)
    assert_close(step(x), linear(x))


def test_storing_by_column_changes_neither_values_nor_names() -> None:
    model = nn.Sequential(nn.Linear(4, 20), nn.Linear(20, 4))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    lay_out_for_steps(model)
    lay_out_for_steps(model)
    assert model[0].weight.t().is_contiguous()
    assert model[1].weight.is_contiguous()
    assert list(before) == list(model.state_dict())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
