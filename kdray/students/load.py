"""Models, their tokenizers and their tasks from a folder, a URI or a hub name: safetensors only, no code from the
repository is run.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from kdray.config import FORM, SNIPPETS, Encoding
from kdray.errors import DataError
from kdray.storage import exists, join, read_json
from kdray.students.forward import is_classifier
from kdray.tasks import Task, task_of
from kdray.tasks.form import plain
from kdray.teacher.cache import local_folder


def quiet() -> None:
    """Keeps transformers from printing: what it has to say is asked of it."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def load_config(source: str | Path) -> Any:
    """A model's architecture in transformers' words, no weights. Raises `DataError` where there is none."""
    from transformers import AutoConfig

    quiet()
    source = local_folder(str(source))
    try:
        return AutoConfig.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{source}: no model that transformers can load: {_first_line(error)}") from error


def load_model(source: str | Path) -> Any:
    """A transformers model in float32, in evaluation mode. Raises `DataError` where there is none."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    source = local_folder(str(source))
    config = load_config(source)
    try:
        auto: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        options = {"dtype": torch.float32, "use_safetensors": True}
        if config.model_type == "roberta":
            from kdray.students.classifier import CodeClassifier as auto  # noqa: N813 - stands for the auto class
        else:
            options["trust_remote_code"] = False
        model = auto.from_pretrained(source, **options)
    except (OSError, ValueError) as error:
        raise DataError(f"{source}: no model that transformers can load: {_first_line(error)}") from error
    return model.eval()


def load_tokenizer(source: str | Path) -> Any:
    """The fast tokenizer beside a model. Raises `DataError` where there is none, or one without pad or end
    token.
    """
    from transformers import AutoTokenizer

    quiet()
    source = local_folder(str(source))
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{source}: no tokenizer that transformers can load: {_first_line(error)}") from error
    if not tokenizer.is_fast:
        raise DataError(f"{source}: kdray needs a fast tokenizer (tokenizer.json)")
    for name in ("pad_token_id", "eos_token_id"):
        if getattr(tokenizer, name) is None:
            raise DataError(f"{source}: the tokenizer has no {name.removesuffix('_id')}")
    return tokenizer


def load_task(model: Any, source: str | Path) -> Task:
    """What a loaded model does, with the tokenizer beside it and the limits that it was trained with.

    Raises:
        DataError: no fast tokenizer.
    """
    encoder_decoder = bool(model.config.is_encoder_decoder)
    return task_of(
        task_name(model.config), load_tokenizer(source), encoder_decoder, saved_encoding(str(source))
    )


def task_name(config: Any) -> str:
    """The name of the task that a model with this config does: told by its family, and a classifier's snippets."""
    if config.model_type != "roberta":
        return "assertion"
    wanted = int(getattr(config, "snippets", 1))
    return next(name for name, snippets in SNIPPETS.items() if snippets == wanted)


def is_ours(folder: str) -> bool:
    """Whether a model was trained by kdray."""
    return exists(join(folder, "kdray.json"))


def saved_encoding(folder: str) -> Encoding:
    """What a model of ours was trained with, in our own form where it does not say; the defaults for any other."""
    return (
        plain(Encoding(**read_json(join(folder, "kdray.json"))["encoding"]))
        if is_ours(folder)
        else Encoding()
    )


def told_encoding(asked: Encoding, folder: str) -> Encoding:
    """What is asked for, and where that leaves the form open, that of a model of ours in the folder."""
    if not is_ours(folder):
        return asked
    form = saved_encoding(folder).model_dump(include=set(FORM))
    return asked.model_copy(
        update={name: said for name, said in form.items() if getattr(asked, name) is None}
    )


def shared_vocab(model: Any, tokenizer: Any) -> int:
    """How many ids, from 0 on, are tokens to the tokenizer and have a logit in the model.

    Models of one family pad the embedding of one tokenizer to different sizes (Qwen2.5: 151,936 and 152,064);
    these are the ids that all of them share. A classifier has its classes.
    """
    if is_classifier(model):
        return int(model.config.num_labels)
    return min(int(model.config.vocab_size), int(max(tokenizer.get_vocab().values())) + 1)


def weights_fingerprint(model: Any) -> str:
    """16 hex digits that change with any weight's name, shape or value."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        digest.update(f"{name}{tuple(parameter.shape)}".encode())
        digest.update(parameter.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
