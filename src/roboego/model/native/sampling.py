"""Choosing among logits, compiled: the choices of `roboego.model.sampling.sample` for the same random numbers."""
# B slots, C choices, P frames of history

from typing import Any

import numpy as np

from roboego.model.native.compiling import compiled


@compiled
def penalize(logits: Any, history: Any, frame: int, frames: int, penalty: float) -> None:
    """Divides the logits [C] of what was chosen in the last `frames` frames (multiplies negative ones), in place.

    Args:
        history: [P] a ring of choices; frame: how many have been made.
    """
    count = min(min(frames, frame), history.shape[0])
    for age in range(count):
        choice = history[(frame - 1 - age) % history.shape[0]]
        seen = choice >= logits.shape[0]
        for younger in range(age):
            seen = seen or history[(frame - 1 - younger) % history.shape[0]] == choice
        if not seen:
            logits[choice] = logits[choice] / np.float32(penalty) if logits[choice] > 0 else logits[choice] * np.float32(penalty)


@compiled
def _next_below(scaled: Any, bound: float) -> Any:
    """The highest logit below a bound, and how many there are of it."""
    best, count = np.float32(-np.inf), 0
    for value in scaled:
        if value < bound:
            if value > best:
                best, count = value, 1
            elif value == best:
                count += 1
    return best, count


@compiled
def _least_kept(scaled: Any, top_k: int, top_p: float) -> Any:
    """The least logit that is among the top k and the top p, found from the top: few are kept."""
    highest, count = _next_below(scaled, np.float32(np.inf))
    whole = np.float64(0)
    for value in scaled:
        whole += np.exp(np.float64(value - highest))
    least, kept, before = highest, count, count / whole
    while kept < top_k and before < top_p:
        value, count = _next_below(scaled, least)
        if count == 0:
            break
        # Equal ones are kept together, all or none of them counted one after another as if they were ordered.
        least, kept = value, kept + count
        before += count * np.exp(np.float64(value - highest)) / whole
    return least


@compiled
def choose(logits: Any, samples: bool, temperature: float, top_k: int, top_p: float, uniform: Any, scaled: Any) -> Any:
    """One choice among logits [C]; `uniform` [C] random numbers in [0, 1), `scaled` [C] room to work in."""
    if not samples:
        return np.argmax(logits)
    for c in range(logits.shape[0]):
        scaled[c] = logits[c] / np.float32(temperature)
    least = np.float32(-np.inf)
    if top_k < logits.shape[0] or top_p < 1:
        least = _least_kept(scaled, top_k, top_p)
    best, chosen = np.float32(-np.inf), 0
    for c in range(logits.shape[0]):
        if scaled[c] >= least:
            u = min(max(uniform[c], np.float32(1e-7)), np.float32(1 - 1e-7))
            drawn = scaled[c] - np.log(-np.log(u))
            if drawn > best:
                best, chosen = drawn, c
    return chosen
