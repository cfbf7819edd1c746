"""The forms in which merged weights ship, as training meets them.

Rounding to four bits only afterwards has been seen to cost points; an adapter that learns around it does not meet it
for the first time when it ships.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

Rounding = Callable[[torch.Tensor], torch.Tensor]
BLOCK = 32


def q4_0(weight: torch.Tensor) -> torch.Tensor:
    """A weight (out, in) as llama.cpp's Q4_0 keeps it: blocks of 32 along the input, 4 bits each, one scale in 16 bits.

    See `quantize_row_q4_0_ref` in llama.cpp's ggml-quants.c.
    """
    blocks = weight.reshape(-1, BLOCK)
    high, low = blocks.amax(1, keepdim=True), blocks.amin(1, keepdim=True)
    scale = torch.where(high > -low, high, low) / -8
    steps = torch.where(scale == 0, scale, 1 / scale)
    rounded = (blocks * steps).add_(8.5).floor_().clamp_(0, 15).sub_(8).mul_(scale.half().float())
    return rounded.reshape(weight.shape)


def unrounded(weight: torch.Tensor) -> torch.Tensor:
    """The weight as it is: what the finer forms make of it needs no training for."""
    return weight


ROUNDINGS: dict[str, Rounding] = {"Q4_0": q4_0}
"""By quantisation; the others are taken as they are."""
