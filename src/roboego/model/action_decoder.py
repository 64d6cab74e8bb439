"""The action decoder: from the shared state, and from what is felt and seen in the same step, to a bin for each dimension of an action."""
# W model width, I inner width of a glance, D action dimensions, A bins

from torch import Tensor, nn
from torch.nn import functional as F

from roboego.model.config import ModelConfig

FELT_STD = 0.25
"""Of the weights that take in what is felt, which is smaller than the state."""


class ActionDecoder(nn.Module):
    """One feed-forward layer.

    What is felt and what a glance finds have gone into the state too, as two of many things; but how far the hand has to go hangs on a
    centimetre, and that much of a place does not survive all layers.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dims, self.bins = config.layout.action_dims, config.layout.action_bins
        width, hidden = config.backbone.width, config.act_hidden
        self.state = nn.Linear(width, hidden)
        self.felt = nn.Linear(width, hidden, bias=False) if config.senses else None
        inner = config.glance.heads * config.glance.head_dim if config.glance is not None else 0
        self.found = nn.Linear(inner, hidden, bias=False) if inner else None
        self.out = nn.Linear(hidden, self.dims * self.bins)
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
        logits: Tensor = self.out(F.gelu(x)).unflatten(-1, (self.dims, self.bins))
        return logits
