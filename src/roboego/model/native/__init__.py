"""The streaming step on a CPU: whole layers as one compiled function each, so that a step costs what reading its weights costs.

Called operation by operation, a step of a small model spends most of its time on calling. numba compiles these functions when they are
first used and keeps the result; no C compiler is needed. Weights are read in place, float32 or bfloat16; sums are float32.
"""
