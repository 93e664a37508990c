"""Models, their tokenizers and their tasks from a folder, a URI or a hub name: safetensors only, no code from the
repository is run.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from kdray.config import FORM, SNIPPETS, Encoding, Student
from kdray.errors import DataError
from kdray.storage import exists, join, read_json
from kdray.students.derive import CLASSIFIERS, config_of
from kdray.students.families import teacher_shape
from kdray.students.pieces import check_pieces
from kdray.students.published_cost import CLASSES
from kdray.students.quantised import as_plain, check_quantised, method_of, plain
from kdray.students.tokens import check_rows, check_tokens
from kdray.students.whole_weights import check_files, whole_model, why
from kdray.tasks import Task, task_of
from kdray.tasks.form import recorded
from kdray.teacher.cache import local_folder

_AT_A_TIME = 1 << 22
"""Numbers that are hashed at a time."""


def quiet() -> None:
    """Keeps transformers from printing: what it has to say is asked of it."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def name_accelerator() -> None:
    """Tells DeepSpeed where there is no accelerator: it would say so itself, on stdout, and a model that is saved
    imports it where accelerate is installed.
    """
    import torch

    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")


def load_config(source: str | Path) -> Any:
    """A model's architecture in transformers' words, no weights. Raises `DataError` where there is none."""
    from transformers import AutoConfig

    quiet()
    source = local_folder(str(source))
    check_files(source)
    try:
        return AutoConfig.from_pretrained(source, trust_remote_code=False)
    except Exception as error:  # transformers raises all kinds over a damaged file
        raise DataError(f"{source}: no model that transformers can load: {why(source, error)}") from error


def load_model(
    source: str | Path,
    dtype: str = "float32",
    devices: Mapping[str, int | str] | None = None,
    *,
    as_numbers: bool = False,
) -> Any:
    """A transformers model in evaluation mode, every weight of it read.

    Args:
        source: a folder, a URI or a hub name.
        dtype: precision, as torch names it. On a processor, weights that are in it already are mapped, and shared
            by processes.
        devices: where each module goes (see `dealt_out`); None: all of it to the processor.
        as_numbers: of quantised weights, take the numbers that their bits stand for.

    Raises:
        DataError: there is none; weights are missing, unexpected or of another shape (see `whole_weights`); or its
            logits are not what hidden states and head make of them (see `pieces`).
    """
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    name_accelerator()
    source = local_folder(str(source))
    config = load_config(source)
    if config.model_type in CLASSIFIERS:
        from kdray.students.classifier import classifier_class

        check_classes(config, source)
        return whole_model(classifier_class(config.model_type), source, dtype=dtype)
    check_generates(config, source)
    check_quantised(config, source)
    auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    placed: dict[str, Any] = {} if devices is None else {"device_map": dict(devices)}
    if method_of(config) is not None:
        placed["config"] = as_plain(config)
    model = whole_model(auto, source, dtype=dtype, trust_remote_code=False, **placed)
    if as_numbers or method_of(config) == "fp8":
        model = plain(model)
    check_pieces(model, source)
    return model


def check_classes(config: Any, source: str) -> None:
    """Raises `DataError` for a classifier of another number of classes than two."""
    if config.num_labels != CLASSES:
        raise DataError(
            f"{source}: has {config.num_labels} outputs (num_labels); classifiers have {CLASSES} classes here:"
            f" fine-tune it with num_labels {CLASSES}"
        )


def check_generates(config: Any, source: str) -> None:
    """Raises `DataError` for a model that writes no text or reads more than text, and for one that transformers'
    `generate` fails on: it keeps room for as many decoder layers as there are encoder layers.
    """
    from transformers.models.auto import modeling_auto as auto

    kind, apart = config.model_type, config.is_encoder_decoder
    known = (
        auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES if apart else auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    )
    reads_ahead = kind in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False)
    if kind not in known or (reads_ahead and not apart):
        raise DataError(
            f"{source}: a {kind} model, which writes no text: a teacher is a decoder-only model or an"
            " encoder-decoder of transformers"
        )
    if not hasattr(config, "vocab_size"):
        raise DataError(
            f"{source}: a {kind} model is made of several, for text, pictures or sounds: name a folder that holds"
            " the one for text alone"
        )
    encoder, decoder = getattr(config, "num_layers", None), getattr(config, "num_decoder_layers", None)
    if config.is_encoder_decoder and encoder and decoder and decoder > encoder:
        raise DataError(
            f"{source}: more decoder layers ({decoder}) than encoder layers ({encoder}), which transformers' "
            "generate cannot run: give it as many of both at most"
        )


def load_tokenizer(source: str | Path) -> Any:
    """The fast tokenizer beside a model. One without a padding token pads with its end token: what pads is masked
    or cut off, but in a classifier, which tells padding by its token (see `check_padding`).

    Raises:
        DataError: there is none, or one without an end token.
    """
    from transformers import AutoTokenizer

    quiet()
    source = local_folder(str(source))
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except Exception as error:  # and so do tokenizers, a bare one
        raise DataError(f"{source}: no tokenizer that transformers can load: {why(source, error)}") from error
    if not tokenizer.is_fast:
        raise DataError(f"{source}: kdray needs a fast tokenizer (tokenizer.json)")
    check_tokens(tokenizer, source)
    if (
        tokenizer.cls_token is not None and tokenizer.sep_token is not None
    ):  # a BERT's, which may name no others
        tokenizer.bos_token = tokenizer.bos_token or tokenizer.cls_token
        tokenizer.eos_token = tokenizer.eos_token or tokenizer.sep_token
    if tokenizer.eos_token_id is None:
        raise DataError(f"{source}: the tokenizer has no eos_token")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def check_padding(config: Any, tokenizer: Any, source: str) -> None:
    """Raises `DataError` for a classifier whose special tokens are not its tokenizer's: it tells padding, and
    where a snippet begins, by these; and for a tokenizer of more tokens than the model has rows.
    """
    check_rows(config, tokenizer, source)
    if config.model_type not in CLASSIFIERS:
        return
    for ours, theirs in (("bos_token", "cls_token"), ("eos_token", "sep_token")):
        if getattr(tokenizer, theirs) not in (None, getattr(tokenizer, ours)):
            raise DataError(
                f"{source}: its tokenizer's {ours} is {getattr(tokenizer, ours)}, its {theirs}"
                f" {getattr(tokenizer, theirs)}: texts are framed by the first, it has learnt the other"
            )
    names = ("pad_token_id", "bos_token_id", "eos_token_id")
    for name in names if config.model_type == "roberta" else names[:1]:
        own, other = getattr(config, name), getattr(tokenizer, name)
        if own is None or own != other:
            raise DataError(f"{source}: {name} is {own} in config.json and {other} in its tokenizer")
    if tokenizer.pad_token_id == tokenizer.eos_token_id:
        raise DataError(
            f"{source}: its tokenizer pads with the end token, which a classifier must tell apart"
        )


def load_task(model: Any, source: str | Path) -> Task:
    """What a loaded model does, with the tokenizer beside it and the limits that it was trained with.

    Raises:
        DataError: no fast tokenizer, or one of another model.
    """
    encoder_decoder, tokenizer = bool(model.config.is_encoder_decoder), load_tokenizer(source)
    check_padding(model.config, tokenizer, str(source))
    return task_of(task_name(model.config), tokenizer, encoder_decoder, saved_encoding(str(source)))


def task_name(config: Any) -> str:
    """The name of the task that a model with this config does: told by its family, and a classifier's snippets."""
    if config.model_type not in CLASSIFIERS:
        return "assertion"
    wanted = int(getattr(config, "snippets", 1))
    return next(name for name, snippets in SNIPPETS.items() if snippets == wanted)


def kept_config(shards: str) -> Any:
    """The configuration of the teacher that is kept beside shards. Raises `DataError`."""
    return config_of(read_json(join(shards, "teacher", "config.json")))


def kept_teacher(shards: str) -> Student | None:
    """The architecture of the teacher that is kept beside shards, if it is one of ours."""
    return teacher_shape(read_json(join(shards, "teacher", "config.json")))


def is_ours(folder: str) -> bool:
    """Whether a model was trained by kdray."""
    return exists(join(folder, "kdray.json"))


def saved_encoding(folder: str) -> Encoding:
    """What a model of ours was trained with, in our own form where it does not say; the defaults for any other."""
    if not is_ours(folder):
        return Encoding()
    record = join(folder, "kdray.json")
    return recorded(read_json(record), record)


def told_encoding(asked: Encoding, folder: str) -> Encoding:
    """What is asked for, and where that leaves the form open, that of a model of ours in the folder."""
    if not is_ours(folder):
        return asked
    form = saved_encoding(folder).model_dump(include=set(FORM))
    return asked.model_copy(
        update={name: said for name, said in form.items() if getattr(asked, name) is None}
    )


def shared_vocab(config: Any, tokenizer: Any) -> int:
    """How many ids, from 0 on, are tokens to the tokenizer and have a logit in the model.

    Models of one family pad the embedding of one tokenizer to different sizes (Qwen2.5: 151,936 and 152,064);
    these are the ids that all of them share. A classifier has its classes.
    """
    return int(config.num_labels) if config.model_type in CLASSIFIERS else shared_ids(config, tokenizer)


def shared_ids(config: Any, tokenizer: Any) -> int:
    """See `shared_vocab`: of a model of this configuration that writes."""
    return min(int(config.vocab_size), int(max(tokenizer.get_vocab().values())) + 1)


def weights_fingerprint(model: Any) -> str:
    """16 hex digits that change with any weight's name, shape or value."""
    return fingerprint(sorted(model.named_parameters()))


def fingerprint(parameters: Iterable[tuple[str, Tensor]]) -> str:
    """16 hex digits of parameters by name, sorted; the same in every precision that holds their values."""
    digest = hashlib.sha256()
    for name, parameter in parameters:
        digest.update(f"{name}{tuple(parameter.shape)}".encode())
        for part in parameter.detach().flatten().split(_AT_A_TIME):  # type: ignore[no-untyped-call]
            digest.update(part.float().cpu().contiguous().numpy().data)
    return digest.hexdigest()[:16]


def readable_as(folder: Path, file: str) -> None:
    """Gives weights the mode of a file beside them, as the umask has it: safetensors writes 0600."""
    for weights in folder.glob("*.safetensors"):
        weights.chmod((folder / file).stat().st_mode)
