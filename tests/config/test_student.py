"""Students that cannot be are refused where they are written."""

from __future__ import annotations

import pytest

from kdray.config import (
    sweep_from,
)
from kdray.errors import ConfigError
from tests.config.test_check import LLAMA, changed

CLASSIFIER = {"family": "roberta", "layers": 2, "hidden": 64, "heads": 4, "feed_forward": 96}


@pytest.mark.parametrize(
    ("student", "said"),
    [
        ({**LLAMA, "heads": 5}, "heads 5 must divide hidden 64"),
        ({**LLAMA, "head_dim": 7}, "head_dim 7 must be even"),
        ({**LLAMA, "vocab": 400}, "vocab 400 has no effect with the teacher's tokenizer"),
        ({**LLAMA, "tokenizer": "bpe"}, "tokenizer 'bpe' is trained anew: name its vocab"),
        ({**LLAMA, "tokenizer": "bpee", "vocab": 400}, r"student\.tokenizer"),
        ({**LLAMA, "tokenizer": "bpe", "vocab": 400}, "set distil.loss sequence and alpha 1.0"),
        ({**LLAMA, "activation": "tanh"}, r"trial\.student\.activation"),
        ({**CLASSIFIER, "position_typ": "absolute"}, "did you mean 'position_type'?"),
        ({**CLASSIFIER, "dropout": 1.0}, r"trial\.student\.dropout"),
    ],
)
def test_a_student_that_cannot_be_is_refused_where_it_is_written(student, said):
    data = changed("trial/student", student)
    data["space"] = {"distil.alpha": [0.5]}
    if student["family"] == "roberta":
        data["trial"] |= {"task": "vulnerability"}
        data["objectives"] = {"accuracy": "max"}
    with pytest.raises(ConfigError, match=said):
        sweep_from(data, "file.yaml")
