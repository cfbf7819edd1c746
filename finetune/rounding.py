"""Training for the form that ships: weights rounded as the merged file's will be, so that the adapter learns around it.

Before every step each adapted weight stands as it will be read, Q(W + B A); the gradient passes the rounding unchanged
(the straight-through estimator of Bengio et al. 2013, used as by Jacob et al. 2018). Rounding to four bits afterwards
has been seen to cost points; a model trained with it does not meet it for the first time when it ships.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from peft.tuners.lora import LoraLayer

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


ROUNDINGS: dict[str, Rounding] = {"Q4_0": q4_0}
"""By quantisation; the finer ones need no training for."""


class Rounded:
    """The adapted weights of a model, kept as they will ship.

    Args:
        model: a PEFT model with a LoRA adapter.
        rounding: what the shipping form makes of a weight.
    """

    def __init__(self, model: Any, rounding: Rounding) -> None:
        self.rounding = rounding
        layers: list[Any] = [module for module in model.modules() if isinstance(module, LoraLayer)]
        self.layers = [(layer, layer.get_base_layer().weight.detach().clone()) for layer in layers]

    @torch.no_grad()
    def refresh(self) -> None:
        """Round anew: what the layers compute is Q(W + B A), whatever the adapter has become."""
        for layer, weight in self.layers:
            delta = layer.get_delta_weight("default")
            layer.get_base_layer().weight.copy_(self.rounding(weight + delta).sub_(delta))
