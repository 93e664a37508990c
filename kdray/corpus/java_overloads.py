"""Which overload a Java call means, by the types of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kdray.corpus.java_classes import Classes, Method
from kdray.corpus.java_types import LAMBDA, NULL, NUMERIC

_WIDER = {"char": NUMERIC[2:]} | {name: NUMERIC[at + 1 :] for at, name in enumerate(NUMERIC)}
BOXES = {
    "int": "Integer", "long": "Long", "char": "Character", "boolean": "Boolean", "double": "Double",
    "float": "Float", "byte": "Byte", "short": "Short",
}  # fmt: skip
_UNBOXED = {box: primitive for primitive, box in BOXES.items()}
_OF_STRING = ("CharSequence", "Comparable", "Serializable", "Object")
_ANYTHING = ("Object", "Serializable", "Comparable", "Number")
EXACT, CONVERTED, POSSIBLE, NEVER = 3.0, 2.0, 1.0, float("-inf")


def fitting(methods: Sequence[Method], arguments: Sequence[str], classes: Classes) -> Sequence[Method]:
    """The overloads that fit arguments of these types best; one, where the types decide it."""
    scored = [(_score(method, arguments, classes), method) for method in methods]
    best = max((score for score, _ in scored), default=NEVER)
    return [method for score, method in scored if score == best > NEVER]


def _score(method: Method, arguments: Sequence[str], classes: Classes) -> float:
    parameters = list(method.parameters)
    if method.variable:
        last = parameters[-1]
        if len(arguments) == len(parameters) and arguments[-1] == f"{last}[]":
            parameters[-1] = f"{last}[]"
        elif len(arguments) >= len(parameters) - 1:
            repeated = [last] * (len(arguments) - len(parameters) + 1)
            # Any other overload goes before one that takes any number (JLS 15.12.2).
            return sum(map(_of(method, classes), [*parameters[:-1], *repeated], arguments)) - 100
    if len(parameters) != len(arguments):
        return NEVER
    return sum(map(_of(method, classes), parameters, arguments))


def _of(method: Method, classes: Classes) -> Callable[[str, str], float]:
    return lambda parameter, argument: _fits(parameter, argument, method.type_names, classes)


def _fits(parameter: str, argument: str, type_names: frozenset[str], classes: Classes) -> float:
    is_primitive = parameter in BOXES
    if not argument or not parameter:
        return POSSIBLE
    if argument == parameter:
        return EXACT
    if argument in (NULL, LAMBDA):
        closed = argument == LAMBDA and (
            parameter in ("String", "Class", *_UNBOXED) or parameter.endswith("[]")
        )
        return NEVER if is_primitive or closed else POSSIBLE
    if parameter.removesuffix("[]") in type_names:
        return POSSIBLE if parameter.endswith("[]") <= argument.endswith("[]") else NEVER
    if argument in BOXES or is_primitive:
        return _fits_primitive(parameter, argument)
    if parameter == "Object":
        return POSSIBLE
    if argument.endswith("[]") or parameter.endswith("[]"):
        return POSSIBLE if argument.endswith("[]") and parameter == "Object[]" else NEVER
    if argument in ("String", "Class", *_UNBOXED):
        return (
            CONVERTED
            if parameter in _OF_STRING and argument == "String"
            else (POSSIBLE if parameter in _ANYTHING else NEVER)
        )
    return _is_a(argument, parameter, classes)


def _fits_primitive(parameter: str, argument: str) -> float:
    if argument in BOXES and parameter in _WIDER.get(argument, ()):
        # The nearest of the wider types is the more specific one.
        return CONVERTED + 0.5 - 0.05 * _WIDER[argument].index(parameter)
    if BOXES.get(argument) == parameter or _UNBOXED.get(argument) == parameter:
        return CONVERTED
    if argument in BOXES:
        return POSSIBLE if parameter in _ANYTHING else NEVER
    return NEVER


def _is_a(argument: str, parameter: str, classes: Classes) -> float:
    """Whether a class is another one, by the supertypes that the project's own sources tell."""
    seen, todo, all_known = set[str](), [argument], True
    while todo:
        name_of_class = todo.pop()
        if name_of_class == parameter:
            return CONVERTED
        seen.add(name_of_class)
        java_class = classes(name_of_class)
        all_known = all_known and java_class is not None
        todo += [name for name in (java_class.supers if java_class else ()) if name not in seen]
    # What is not the project's own inherits nothing from it.
    return NEVER if all_known or classes(parameter) is not None else POSSIBLE / 2
