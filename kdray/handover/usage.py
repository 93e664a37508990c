"""How a handed-over student is used, in the words of its card: what it does, its input, lines that run."""

from __future__ import annotations

from typing import Literal

Family = Literal["decoder", "encoder-decoder", "classifier", "pairs", "relative"]
"""How a student is used; `pairs` is a classifier of two snippets, `relative` one with relative positions."""
ABOUT = {
    "assertion": "Given the beginning of a unit test it writes the next assertion.",
    "clone": "Given two snippets of code it says whether they are clones (class 1).",
    "vulnerability": "Given a function it says whether it is vulnerable (class 1).",
}
PIPELINES = {
    "decoder": "text-generation", "encoder-decoder": "text2text-generation",
    "classifier": "text-classification", "pairs": "text-classification", "relative": "text-classification",
}  # fmt: skip
PROMPT = '"# shop/test_cart.py\\n# def total(items):\\ndef test_total():\\n    items = [1, 2]\\n    "'
USAGE = {
    "decoder": f"""from transformers import pipeline

write = pipeline("text-generation", model=".")
prompt = {PROMPT}
print(write(prompt, return_full_text=False)[0]["generated_text"])""",
    "encoder-decoder": f"""from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

model, tokenizer = AutoModelForSeq2SeqLM.from_pretrained("."), AutoTokenizer.from_pretrained(".")
prompt = {PROMPT}
ids = tokenizer(prompt + tokenizer.eos_token, return_tensors="pt")
print(tokenizer.decode(model.generate(**ids)[0], skip_special_tokens=True))""",
    "classifier": """from transformers import pipeline

classify = pipeline("text-classification", model=".")
code = "int f(char *s) { char b[8]; strcpy(b, s); return b[0]; }"
print(classify(" ".join(code.split()), truncation=True))""",
    "relative": """# Relative positions: transformers 5 has no such class, kdray has.
from kdray.evaluation.classify import Classifier
from kdray.students.load import load_model, load_tokenizer
from kdray.tasks.classification import ClassificationTask

model = load_model(".")
snippets = ("int f(int a) { return a + 1; }", "int g(int b) { return 1 + b; }")[: model.snippets]
print(Classifier(model, ClassificationTask(load_tokenizer("."), model.snippets))([snippets]))""",
    "pairs": """import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

encoder = AutoModel.from_pretrained(".", add_pooling_layer=False)
tokenizer, weights = AutoTokenizer.from_pretrained("."), load_file("model.safetensors")

def first_state(code):
    inputs = tokenizer(" ".join(code.split()), truncation=True, return_tensors="pt")
    return encoder(**inputs).last_hidden_state[:, 0]

def linear(states, name):
    return states @ weights[f"classifier.{name}.weight"].float().T + weights[f"classifier.{name}.bias"].float()

pair = torch.cat([first_state("int f(int a) { return a + 1; }"), first_state("int g(int b) { return 1 + b; }")], 1)
print(linear(linear(pair, "dense").tanh(), "out_proj").softmax(1))""",
}
PROMPT_FORM = (
    "The prompt is the test file's name and, where it is known, the signature of the code under test, as "
    "comments, then the test up to the assertion with its indentation. `kdray predict . FILE` makes it from a "
    "test with a placeholder."
)
CODE_FORM = "White space is single spaces, as in training."
