"""LoRA's layers as they will be read: each adapted weight merged and rounded once a step, multiplied once.

y = x W'ᵀ with W' = Q(W + s B A), where Q is the rounding of the form that ships. Of the two small matrices only the
gradients are ever needed, dB = s dYᵀ (x Aᵀ) and dA = s (dY B)ᵀ x, and the gradient passes Q unchanged (the
straight-through estimator of Bengio et al. 2013, used as by Jacob et al. 2018). So a read costs a
layer two large products and four small ones, where LoRA as it is written (Hu et al. 2021) costs two large and six
small ones, and their sums, copies and casts.
"""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora import LoraLayer
from torch.nn import functional

from finetune.rounding import Rounding

ADAPTER = "default"


class Adapted:
    """The adapted layers of a model, each reading its merged weight until `refresh` merges anew.

    Args:
        model: a PEFT model with a LoRA adapter; its layers' own way to compute is replaced.
        rounding: what the shipping form makes of a weight.
        dtype: in which the layers multiply.
    """

    def __init__(self, model: Any, rounding: Rounding, dtype: torch.dtype) -> None:
        layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
        self.layers = [_Layer(layer, rounding, dtype) for layer in layers]

    @torch.no_grad()
    def refresh(self) -> None:
        """Merge and round anew: what the layers compute is Q(W + B A), whatever the adapter has become."""
        for layer in self.layers:
            layer.refresh()


class _Layer:
    def __init__(self, layer: Any, rounding: Rounding, dtype: torch.dtype) -> None:
        self.base, self.rounding = layer.get_base_layer(), rounding
        self.a, self.b = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
        self.scale = layer.scaling[ADAPTER]
        self.merged = torch.empty_like(self.base.weight, dtype=dtype)
        layer.forward = self

    def refresh(self) -> None:
        self.merged.copy_(self.rounding(torch.addmm(self.base.weight, self.b, self.a, alpha=self.scale)))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = _Product.apply(x, self.merged, self.a, self.b, self.scale)  # type: ignore[no-untyped-call]
        return out if self.base.bias is None else out + self.base.bias


class _Product(torch.autograd.Function):
    """x (…, in) by the merged weight (out, in), with gradients for x and for A (rank, in) and B (out, rank)."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, merged: torch.Tensor, a: torch.Tensor, b: torch.Tensor,
                scale: float) -> torch.Tensor:  # fmt: skip
        x = x.to(merged.dtype)
        ctx.save_for_backward(x, merged, a, b)
        ctx.scale = scale
        return functional.linear(x, merged)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, merged, a, b = ctx.saved_tensors
        dy, flat = grads[0].to(merged.dtype).flatten(0, -2), x.flatten(0, -2)
        down, up = flat @ a.to(x.dtype).T, dy @ b.to(x.dtype)
        da, db = (up.T @ flat).float().mul_(ctx.scale), (dy.T @ down).float().mul_(ctx.scale)
        return (dy @ merged).view_as(x), None, da, db, None
