"""The action decoder: from the shared state, and from what is felt in the same step, to a bin for each dimension of an action."""
# W model width, D action dimensions, A bins

from torch import Tensor, nn
from torch.nn import functional as F

from roboego.model.config import ModelConfig

FELT_STD = 0.25
"""Of the weights that take in what is felt, which is smaller than the state."""


class ActionDecoder(nn.Module):
    """One feed-forward layer.

    What is felt has gone into the state too, as one of many things; but how far the hand has to go hangs on a centimetre, and that much of
    a number does not survive all layers.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dims, self.bins = config.layout.action_dims, config.layout.action_bins
        width, hidden = config.backbone.width, config.act_hidden
        self.state = nn.Linear(width, hidden)
        self.felt = nn.Linear(width, hidden, bias=False) if config.senses else None
        self.out = nn.Linear(hidden, self.dims * self.bins)
        if self.felt is not None:
            nn.init.normal_(self.felt.weight, std=FELT_STD)

    def forward(self, h: Tensor, felt: Tensor | None) -> Tensor:
        """Logits [..., D, A] of hidden states [..., W] and of what senses add to the same frames [..., W]; None without senses."""
        x = self.state(h)
        if self.felt is not None and felt is not None:
            x = x + self.felt(felt)
        logits: Tensor = self.out(F.gelu(x)).unflatten(-1, (self.dims, self.bins))
        return logits
