"""A student of its teacher's own family: the teacher's configuration with other sizes, and nothing else changed.

Rotary angles, epsilons, biases, kinds of attention, buckets, scales, tying: whatever transformers keeps in a
configuration is carried over, so that a cut with all layers and all widths is the teacher. What cannot be carried
over is refused, from configurations alone.

Not here: what may be cut (`cuts`), and which weights go where (`warm_start`).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from kdray.config import AnyStudent, LlamaStudent, RobertaStudent, T5Student
from kdray.errors import ConfigError, DataError, first_line
from kdray.students.slices import evenly_spaced

SIZES: dict[str, tuple[str, ...]] = {
    "layers": ("num_hidden_layers",),
    "encoder_layers": ("encoder_layers", "num_layers"),
    "decoder_layers": ("decoder_layers", "num_decoder_layers"),
    "hidden": ("hidden_size",),
    "heads": ("num_attention_heads",),
    "kv_heads": ("num_key_value_heads",),
    "feed_forward": ("intermediate_size", "d_ff", "ffn_dim", "encoder_ffn_dim", "n_inner", "hidden_dim"),
}
"""A student's field -> what configurations call it, the first that there is."""
FOLLOWING = {
    "heads": ("decoder_attention_heads",),
    "feed_forward": ("decoder_ffn_dim",),
    "hidden": ("word_embed_proj_dim",),
}
"""Further names of the same size, where they hold it."""
CLASSIFIERS = ("roberta", "bert", "distilbert")
"""Model types that classify here, and do nothing else."""
PER_LAYER = ("layer_types", "no_rope_layers", "attention_layers", "mlp_layer_types", "attention_window")
"""Lists with an entry for each layer, of an encoder-decoder for each of its encoder's."""
SEPARATE = ("t5", "mt5", "umt5")
"""Model types whose configurations say that they are tied, although the head of newer ones is not."""
_NOT_CARRIED = (
    "transformers_version",
    "model_type",
    "architectures",
    "_name_or_path",
    "dtype",
    "torch_dtype",
    "quantization_config",
)


def config_of(saved: Mapping[str, Any]) -> Any:
    """The configuration behind a `config.json`. Raises `DataError` for a model that transformers does not know."""
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    data = _unwritten(dict(saved))
    try:
        config = AutoConfig.for_model(data.pop("model_type"), **data)
    except (KeyError, StrictDataclassError, TypeError, ValueError) as error:
        raise DataError(f"no configuration that transformers knows: {first_line(error)}") from error
    return config


def _unwritten(value: Any) -> Any:
    """What was written as JSON as it was: transformers spells numbers without an end, which Mamba 2
    has, `{"__float__": "Infinity"}`.
    """
    if isinstance(value, dict):
        if list(value) == ["__float__"]:
            return float(value["__float__"])
        return {name: _unwritten(part) for name, part in value.items()}
    return [_unwritten(part) for part in value] if isinstance(value, list) else value


def sizes_of(config: Any) -> dict[str, int]:
    """A model's sizes under a student's names; what it has not is left out."""
    apart = bool(config.is_encoder_decoder)
    found = {}
    for field, names in SIZES.items():
        if apart == (field == "layers") and field.endswith("layers"):
            continue
        value = next((getattr(config, name) for name in names if getattr(config, name, None)), None)
        if isinstance(value, int):
            found[field] = value
    if "feed_forward" not in found and hasattr(config, "n_inner"):  # GPT-2's default
        found["feed_forward"] = 4 * found["hidden"]
    return found


def wanted_sizes(config: Any, student: AnyStudent) -> dict[str, int]:
    """The student's sizes out of its own fields, and the teacher's where it names none. Raises `ConfigError`."""
    own = sizes_of(config)
    wanted = dict(own)
    for field in SIZES:
        value = getattr(student, field, None)
        if value is None:
            continue
        if field not in own:
            raise ConfigError(
                f"student.{field} {value} is no size of a {config.model_type} teacher: it has {', '.join(own)}"
            )
        wanted[field] = value
    if getattr(config, "n_inner", 0) is None and getattr(student, "feed_forward", None) is None:
        wanted["feed_forward"] = 4 * wanted["hidden"]
    if "kv_heads" in own and getattr(student, "kv_heads", None) is None:
        shared = own["heads"] // own["kv_heads"]
        if wanted["heads"] % shared:
            raise ConfigError(
                f"student.heads {wanted['heads']}: the teacher's heads share keys and values by groups of"
                f" {shared}, which stay whole: try {max(1, wanted['heads'] // shared) * shared}"
            )
        wanted["kv_heads"] = wanted["heads"] // shared
    return wanted


def has_head_dim(config: Any) -> bool:
    """Whether the width of a head is a size of its own."""
    return isinstance(getattr(config, "head_dim", None), int)


def head_width(config: Any) -> int:
    """Width of a head; 0 of a model without."""
    sizes = sizes_of(config)
    if has_head_dim(config):
        return int(config.head_dim)
    return sizes["hidden"] // sizes["heads"] if "heads" in sizes else 0


def derived(config: Any, student: AnyStudent, vocab: int) -> Any:
    """A student's configuration: its teacher's, with the student's sizes.

    Args:
        config: the teacher's.
        student: names sizes; of a named family also dropout and tying.
        vocab: rows of its embedding.

    Raises:
        ConfigError: transformers refuses it.
    """
    from huggingface_hub.errors import StrictDataclassError

    own, wanted = sizes_of(config), wanted_sizes(config, student)
    data = {key: copy.deepcopy(value) for key, value in config.to_dict().items() if key not in _NOT_CARRIED}
    names = {field: _name(data, config, field) for field in wanted}
    for field, size in wanted.items():
        for further in FOLLOWING.get(field, ()):
            if data.get(further) == own[field]:
                data[further] = size
        if size != own[field] and data.get(names[field], size) != size:
            data[names[field]] = size
    _choose_layers(data, own, wanted)
    data |= {"vocab_size": vocab, **_of_the_named(student)}
    if config.model_type in SEPARATE and hasattr(config, "scale_decoder_outputs"):
        data["tie_word_embeddings"] = bool(config.scale_decoder_outputs)  # as it is told to them
    try:
        return type(config)(**data)
    except (ArithmeticError, StrictDataclassError, TypeError, ValueError) as error:
        raise _unbuilt(config, error) from error


def _unbuilt(config: Any, error: Exception) -> ConfigError:
    return ConfigError(f"student: a {config.model_type} of these sizes cannot be built: {first_line(error)}")


def _name(data: Mapping[str, Any], config: Any, field: str) -> str:
    """What a configuration's data call a size."""
    mapped: list[str] = [config.attribute_map.get(name, name) for name in SIZES[field]]
    return next((name for name in mapped if name in data), mapped[0])


def _choose_layers(data: dict[str, Any], own: dict[str, int], wanted: dict[str, int]) -> None:
    """Lists with an entry for each layer keep those of the layers that are taken."""
    field = "layers" if "layers" in own else "encoder_layers"
    if field not in own or wanted[field] == own[field]:
        return
    taken = evenly_spaced(wanted[field], own[field])
    for key in PER_LAYER:
        if isinstance(data.get(key), list) and len(data[key]) == own[field]:
            data[key] = [data[key][number] for number in taken]
    if "attention_types" in data:  # GPT-Neo's short form of `attention_layers`
        data["attention_types"] = [[data["attention_layers"], 1]]


def _of_the_named(student: AnyStudent) -> dict[str, Any]:
    """What a student of a named family says beside sizes."""
    if isinstance(student, LlamaStudent):
        return {
            "attention_dropout": student.attention_dropout,
            "tie_word_embeddings": student.tied_embeddings,
        }
    if isinstance(student, T5Student):
        return {"dropout_rate": student.dropout}
    if isinstance(student, RobertaStudent):
        dropout = {"hidden_dropout_prob": student.dropout}
        dropout["attention_probs_dropout_prob"] = student.attention_dropout
        return {**dropout, "max_position_embeddings": student.positions}
    return {}


def is_plain(config: Any) -> bool:
    """Whether the sizes of a named family's student say all that its cost depends on."""
    if config.model_type == "llama":
        grouped = config.num_key_value_heads != config.num_attention_heads
        return not (grouped or config.attention_bias or config.mlp_bias)
    if config.model_type == "t5":
        plain = config.relative_attention_num_buckets == 32 and not config.is_gated_act
        return plain and not has_separate_head(config)
    return bool(config.model_type == "roberta" and config.type_vocab_size == 1 and config.num_labels == 2)


def has_separate_head(config: Any) -> bool:
    """Whether a T5's head is a table of its own although transformers calls it tied (T5 1.1 and later)."""
    return config.model_type in SEPARATE and not getattr(config, "scale_decoder_outputs", False)


def new_model(config: Any) -> Any:
    """A model of a configuration, in float32 at random weights."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    if config.model_type in CLASSIFIERS:
        from kdray.students.classifier import classifier_class

        return classifier_class(config.model_type)(config)
    auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    try:
        model = auto.from_config(config, dtype=torch.float32, trust_remote_code=False)
    except (
        ArithmeticError, AssertionError, AttributeError, ImportError, RuntimeError, TypeError, ValueError,
    ) as error:  # fmt: skip
        raise _unbuilt(config, error) from error
    if has_separate_head(config):
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    return model
