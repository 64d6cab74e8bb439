"""The training loop: one for the codec and for both stages. Resumes exactly, shows progress, stops cleanly on Ctrl-C."""

import contextlib
import math
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn

from roboego.errors import CheckpointError
from roboego.training.checkpoint import (
    frozen_fingerprint,
    latest,
    load_state,
    module_state,
    prune,
    random_state,
    restore_killed,
    restore_module,
    restore_random,
    save_state,
)
from roboego.training.compiling import compile_parts
from roboego.training.crew import ALONE, Crew
from roboego.training.optimizers import Optimizers, optimizers

Metrics = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How long and how fast to learn, and how often to look and to save.

    Attributes:
        steps: optimizer steps in all.
        warmup: steps of linear warm-up.
        decay: share of the steps, at the end, over which the learning rate falls linearly to `final_rate` of its value.
        autocast: "bfloat16", "float32", or "auto": bfloat16 where the processor multiplies it natively, otherwise float32.
        optimizer: "adamw"; or "muon", for the linear layers of the task's heavy parts, and AdamW for the rest.
        compile: whether the task's heavy parts are compiled, "on", "off", or "auto": on a GPU, where the tools for it are there.
        keep: checkpoints to keep.
    """

    steps: int
    learning_rate: float
    warmup: int = 100
    decay: float = 0.3
    final_rate: float = 0.05
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    clip: float = 1.0
    autocast: str = "auto"
    optimizer: str = "adamw"
    compile: str = "auto"
    validate_every: int = 500
    checkpoint_every: int = 500
    log_every: int = 20
    keep: int = 2
    seed: int = 0


class Task(Protocol):
    """What is learned: the module, a batch for each step, its loss, and how well it does."""

    @property
    def module(self) -> nn.Module: ...

    def batch(self, step: int) -> Any:
        """The batch of step number `step`: a pure function of the step and the seed, so that a resumed run sees the same data."""

    def loss(self, batch: Any, step: int) -> tuple[Tensor, Metrics]:
        """Scalar loss and what to log."""

    def after_step(self, step: int) -> None:
        """Called after each optimizer step."""

    def validate(self, step: int) -> Metrics:
        """Figures on held-out data, free-running ones included."""

    def helpers(self) -> Sequence[nn.Module]:
        """Modules that are trained beside `module` and thrown away with the run; their state is part of `extra_state`."""

    def heavy_parts(self) -> Sequence[nn.Module]:
        """Modules that `loss` calls, most of its work, always with the same few shapes: worth compiling. Empty if there are none."""

    def extra_state(self) -> dict[str, Any]:
        """State beyond the module's and the optimizer's."""

    def load_extra_state(self, state: dict[str, Any]) -> None: ...


def rate_at(config: LoopConfig, step: int) -> float:
    """Learning rate of step number `step`: warm-up, constant, then a linear fall."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    fall = max(1, round(config.steps * config.decay))
    left = (config.steps - step) / fall
    return config.learning_rate * max(config.final_rate, min(1.0, left))


def native_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products run at least as fast as float32 ones here."""
    if device.type != "cpu":
        return bool(torch.cuda.is_bf16_supported())
    capability = torch.backends.cpu.get_cpu_capability()
    with contextlib.suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return "avx512_bf16" in flags or "amx_bf16" in flags
    return bool(capability == "AMX")


def autocast(config: LoopConfig, device: torch.device) -> Any:
    """The autocast context that `config.autocast` asks for."""
    wanted = config.autocast
    if wanted == "auto":
        wanted = "bfloat16" if native_bfloat16(device) else "float32"
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted == "bfloat16")


def optimizer_for(task: Task, config: LoopConfig, crew: Crew = ALONE) -> Optimizers:
    """What the configuration asks for, over all that the task trains."""
    trained = [p for module in (task.module, *task.helpers()) for p in module.parameters() if p.requires_grad]
    rates: dict[str, Any] = {"learning_rate": config.learning_rate, "weight_decay": config.weight_decay, "betas": config.betas}
    return optimizers(config.optimizer, trained, task.heavy_parts(), crew=crew, **rates)


def check_finite(step: int, values: Mapping[str, Tensor]) -> None:
    """Raises a CheckpointError if one of these numbers is NaN or infinite."""
    for name, tensor in values.items():
        if not math.isfinite(value := float(tensor)):
            raise CheckpointError(f"the {name} is {value} at step {step}; lower learning_rate and start again from the last checkpoint")


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[list[bool]]:
    """Turns the first Ctrl-C or SIGTERM into a flag, so that the loop saves before it stops."""
    stopped: list[bool] = []
    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: object) -> None:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(True)

    for s in before:
        signal.signal(s, handle)
    try:
        yield stopped
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)


def train(
    task: Task,
    config: LoopConfig,
    folder: Path,
    *,
    device: torch.device | None = None,
    console: Console | None = None,
    crew: Crew = ALONE,
) -> int:
    """Trains `task` until `config.steps`, resuming from the newest checkpoint in `folder`.

    Args:
        crew: the processes that train together; the first one validates, saves and tells.
    Returns:
        The steps done so far: fewer than `config.steps` if it was interrupted.
    Raises:
        InputError: compiling was asked for and is not possible.
        CheckpointError: the loss or the gradient became NaN or infinite (then no checkpoint is written), or the checkpoint to go on
            from is damaged or of another model.
    """
    from torch.utils.tensorboard import SummaryWriter

    device = device or torch.device("cpu")
    console = (console or Console()) if crew.leads else Console(quiet=True)
    torch.manual_seed(config.seed)
    optimizer = optimizer_for(task, config, crew)
    checkpoints = Checkpoints(task, optimizer, folder, device, config.keep)
    if crew.leads:
        restore_killed(folder)
    crew.wait()
    step = checkpoints.resume(console)
    if compile_parts(task.heavy_parts(), config.compile, device):
        console.print("compiling; the first steps take a minute or so")
    writer = SummaryWriter(str(folder / "tensorboard"), purge_step=step) if crew.leads else None
    trained = [p for group in optimizer.param_groups for p in group["params"]]
    leaving = False
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    last: dict[str, Tensor] = {}
    with stop_on_interrupt() as stopped, Progress(*columns, console=console) as bar:
        row = bar.add_task(folder.name, total=config.steps, completed=step, note="")
        started, since = time.monotonic(), step
        while step < config.steps and not leaving:
            for group in optimizer.param_groups:
                group["lr"] = rate_at(config, step)
            task.module.train()
            with autocast(config, device):
                loss, metrics = task.loss(task.batch(step), step)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            crew.average(trained)
            norm = nn.utils.clip_grad_norm_(trained, config.clip)
            optimizer.step()
            task.after_step(step)
            step += 1
            last = {"loss": loss.detach(), "gradient": norm}
            saves = step % config.checkpoint_every == 0 or step == config.steps
            if saves or step % config.log_every == 0:
                check_finite(step, last)
            if writer is not None and step % config.log_every == 0:
                value = float(last["loss"])
                speed = (step - since) / (time.monotonic() - started)
                metrics = {"loss": value, **metrics, "gradient_norm": float(norm), "rate": rate_at(config, step - 1), "steps_per_s": speed}
                for name, number in metrics.items():
                    writer.add_scalar(f"train/{name}", number, step)
                bar.update(row, completed=step, note=f"loss {value:.3f}  {speed:.2f} steps/s")
                if not console.is_terminal:
                    console.print(f"step {step}: " + "  ".join(f"{k} {v:.4g}" for k, v in metrics.items()), soft_wrap=True)
                started, since = time.monotonic(), step
            if writer is not None and (step % config.validate_every == 0 or step == config.steps):
                task.module.eval()
                with torch.no_grad(), torch.compiler.set_stance("force_eager"):  # of shapes that come once
                    found = task.validate(step)
                for name, number in found.items():
                    writer.add_scalar(f"validation/{name}", number, step)
                console.print(f"validation at step {step}: " + "  ".join(f"{k} {v:.4g}" for k, v in found.items()), soft_wrap=True)
                started, since = time.monotonic(), step
            if saves and crew.leads:
                checkpoints.save(step)
            leaving = crew.agree(stopped, device)
        if leaving:
            check_finite(step, last)
            if crew.leads:
                checkpoints.save(step)
            console.print(f"stopped at step {step}; the same command goes on from here")
    if writer is not None:
        writer.close()
    return step


class Checkpoints:
    """A run's checkpoints, and all that a resumed run needs to be the same run."""

    def __init__(self, task: Task, optimizer: Optimizers, folder: Path, device: torch.device, keep: int) -> None:
        self.task, self.optimizer, self.folder, self.device, self.keep = task, optimizer, folder, device, keep
        self.frozen = frozen_fingerprint(task.module)

    def save(self, step: int) -> None:
        """Writes a checkpoint and removes those that are too many."""
        state = {
            "step": step,
            "module": module_state(self.task.module),
            "frozen": self.frozen,
            "optimizer": self.optimizer.state_dict(),
            **random_state(self.device),
            "extra": self.task.extra_state(),
        }
        save_state(self.folder / f"step-{step:08d}", state)
        prune(self.folder, self.keep)

    def resume(self, console: Console) -> int:
        """Goes back to the newest checkpoint. Returns its step; 0 without one.

        Raises:
            CheckpointError: it is damaged, or of another model.
        """
        newest = latest(self.folder)
        if newest is None:
            return 0
        state = load_state(newest)
        restore_module(self.task.module, state["module"], state.get("frozen", ""), newest)
        try:
            self.optimizer.load_state_dict(state["optimizer"])
            self.task.load_extra_state(state["extra"])
        except (KeyError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"{newest} is of a run that trains other parts: {error}; give another folder") from error
        restore_random(state, self.device)
        console.print(f"resuming {self.folder} at step {state['step']}")
        return int(state["step"])
