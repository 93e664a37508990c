"""The module that DeepSpeed trains: a transformers model whose forward pass is the distillation loss."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor, nn

from kdray.config import AnyStudent, Distil, Student
from kdray.losses import SignalTensors, loss
from kdray.stream import Batch
from kdray.students.derive import config_of
from kdray.students.families import build
from kdray.students.forward import head, hidden_states, soft_cap
from kdray.students.warm_start import slices


class Learner(nn.Module):
    """A model and how it learns."""

    def __init__(self, model: nn.Module, student: AnyStudent, distil: Distil, precision: str) -> None:
        super().__init__()
        self.model = model
        self.student = student
        self._distil = distil
        self._bfloat16 = precision == "bfloat16"

    def forward(self, batch: Batch, signal: SignalTensors | None, part: Student | None = None) -> Tensor:
        """The loss of a batch, or a piece's share of it.

        Nothing of it stays here: its graph holds DeepSpeed's hooks, and these the engine.

        Args:
            batch: padded sequences and what is predicted where.
            signal: the teacher's word on the batch's targets, on this device.
            part: train only this slice of the model, on the same weights.
        """
        device = next(self.model.parameters()).device
        model = self.model if part is None else _Slice(self.model, cast(Student, self.student), part)
        decoder = None if batch.decoder_ids_BL is None else torch.from_numpy(batch.decoder_ids_BL).to(device)
        input_ids, mask = (
            torch.from_numpy(batch.input_ids_BT).to(device),
            torch.from_numpy(batch.mask_BT).to(device),
        )
        with torch.autocast(device.type, torch.bfloat16, enabled=self._bfloat16):
            if isinstance(model, _Slice):
                hidden_BTD, weight_VD, scale = model(input_ids, mask, decoder)
            else:
                hidden_BTD = hidden_states(model, input_ids, mask, decoder)
                weight_VD, scale = head(model)
            hidden_ND = hidden_BTD.flatten(0, 1)[torch.from_numpy(batch.positions_N).to(device)]
            return loss(
                hidden_ND,
                weight_VD,
                scale,
                torch.from_numpy(batch.labels_N).to(device),
                torch.from_numpy(batch.weights_N).to(device),
                batch.num_targets,
                signal,
                self._distil,
                whole_weight=batch.whole_weight,
                whole_targets=batch.whole_targets,
                cap=soft_cap(self.model),
            ).loss


class _Slice:
    """A slice of a model, run on views of the model's own weights."""

    def __init__(self, model: Any, whole: Student, part: Student) -> None:
        template = _template(part, model.config.to_json_string(use_diff=False))
        shapes = {name: p.shape for name, p in template.inner.named_parameters()}
        state = dict(slices(dict(model.named_parameters()), whole, part, shapes))
        self._template = template
        self._state = {f"inner.{name}": tensor for name, tensor in state.items()}
        self._head = state[_embedding_name(shapes)], head(template.inner)[1]

    def __call__(self, *inputs: Any) -> tuple[Tensor, Tensor, float]:
        hidden = torch.func.functional_call(self._template, self._state, inputs)
        return hidden, *self._head


class _Template(nn.Module):
    """Gives `hidden_states` the shape of a module's forward, which `functional_call` wants."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *inputs: Any) -> Tensor:
        return hidden_states(self.inner, *inputs)


@lru_cache(maxsize=64)
def _template(part: Student, whole: str) -> Any:
    config = config_of(json.loads(whole))
    ids = {"pad_id": config.pad_token_id, "end_id": config.eos_token_id}
    # The template's weights are never used: they must neither move the trial's seed nor stay in memory.
    with torch.random.fork_rng(devices=[]):
        template = _Template(build(part, config.vocab_size, like=config, **ids))
    empty = {parameter: nn.Parameter(parameter.to("meta")) for parameter in template.parameters()}
    for module in template.modules():
        for name, parameter in module.named_parameters(recurse=False):
            setattr(module, name, empty[parameter])
    return template


def _embedding_name(shapes: dict[str, Any]) -> str:
    return next(name for name in shapes if name.endswith(("embed_tokens.weight", "shared.weight")))
