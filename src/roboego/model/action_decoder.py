"""The action decoder: from the shared state, and from what is felt and seen in the same step, to a bin for each dimension of an action."""
# W model width, I inner width of a glance, D action dimensions, A bins

from torch import Tensor, nn
from torch.nn import functional as F

from roboego.model.config import ModelConfig
from roboego.model.layers import RMSNorm

FELT_STD = 0.25
"""Of the weights that take in what is felt, which is smaller than the state."""


class ActionDecoder(nn.Module):
    """Feed-forward layers around which what comes in is carried on.

    What is felt and what a glance finds have gone into the state too, as two of many things; but how far the hand has to go hangs on a
    centimetre, and that much of a place does not survive all layers. What an expert does next (up, across, down, and how far) takes several
    layers to tell even from true places: one, however wide, cannot.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dims, self.bins = config.layout.action_dims, config.layout.action_bins
        width, inner = config.backbone.width, config.act_width
        found = config.glance.heads * config.glance.head_dim if config.glance is not None else 0
        self.state = nn.Linear(width, inner)
        self.felt = nn.Linear(width, inner, bias=False) if config.senses else None
        self.found = nn.Linear(found, inner, bias=False) if found else None
        self.layers = nn.ModuleList(_Layer(inner) for _ in range(config.act_layers))
        self.norm = RMSNorm(inner, 1e-6)
        self.out = nn.Linear(inner, self.dims * self.bins)
        if self.felt is not None:
            nn.init.normal_(self.felt.weight, std=FELT_STD)

    def forward(self, h: Tensor, felt: Tensor | None, found: Tensor | None) -> Tensor:
        """Logits [..., D, A] of hidden states [..., W], of what senses add to the same frames [..., W], and of what their last glance finds
        [..., I]; None where there are no senses, or there is no picture."""
        x = self.state(h)
        if self.felt is not None and felt is not None:
            x = x + self.felt(felt)
        if self.found is not None and found is not None:
            x = x + self.found(found)
        for layer in self.layers:
            x = x + layer(x)
        logits: Tensor = self.out(self.norm(x)).unflatten(-1, (self.dims, self.bins))
        return logits


class _Layer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = RMSNorm(width, 1e-6)
        self.up, self.down = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.down(F.gelu(self.up(self.norm(x))))
        return y
