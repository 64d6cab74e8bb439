"""A step as a CUDA graph: one launch instead of hundreds, which is what a GPU's step of one frame spends most of its time on."""
# B slots

import torch

from roboego.errors import InputError
from roboego.model.model import RoboEgoModel, StepInput, StepOutput
from roboego.model.sampling import StepSettings

WARM_UP_STEPS = 3


class GraphedStep:
    """`RoboEgoModel.step` for a fixed number of slots and fixed settings; a call replays what was recorded once.

    Attributes:
        state: of all slots, updated in place; `state.reset` may be called between steps.

    Args:
        settings: their `uniform`, if any, is to be refilled in place before each step.
    Raises:
        InputError: the model is not on a GPU.
    """

    def __init__(self, model: RoboEgoModel, slots: int, settings: StepSettings) -> None:
        if model.device.type != "cuda":
            raise InputError(f"a CUDA graph needs a model on a GPU, not on {model.device}; call model.step there")
        self.model, self.settings = model, settings
        layout, device = model.config.layout, model.device
        self.given = StepInput(
            listen=torch.full((slots, layout.listen.codebooks), layout.listen.pad_id, device=device),
            read=torch.full((slots,), layout.text.wait, device=device),
            forced_text=torch.full((slots,), -1, device=device),
        )
        self.state = model.initial_state(slots)
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_STEPS):
                self._once()
        torch.cuda.current_stream(device).wait_stream(stream)
        self.state.reset(torch.ones(slots, dtype=torch.bool, device=device))
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.output = self._once()

    def _once(self) -> StepOutput:
        output, after = self.model.step(self.given, self.state, self.settings)
        self.state.copy_(after)
        return output

    def __call__(self, given: StepInput) -> StepOutput:
        """One step of every slot. The output's tensors are those of all calls: use them before the next one."""
        self.given.listen.copy_(given.listen, non_blocking=True)
        self.given.read.copy_(given.read, non_blocking=True)
        self.given.forced_text.copy_(given.forced_text, non_blocking=True)
        self.graph.replay()
        return self.output
