"""Python transformations of control flow, and of the order of statements.

Not covered: `match`, `try`, `async for`.
"""

from __future__ import annotations

import random
from itertools import pairwise

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal
from kdray.metamorphic.transforms.python_binding import scope_of
from kdray.metamorphic.transforms.python_blocks import (
    block_of,
    body_text,
    chosen_statements,
    deeper,
    has_long_string,
    indent_lines,
    indentation,
    is_indented_block,
    last_end,
)
from kdray.metamorphic.transforms.python_scope import Names
from kdray.metamorphic.transforms.python_types import LITERALS, is_quiet, is_range, type_of
from kdray.metamorphic.transforms.tree import Node, Source
from kdray.metamorphic.transforms.words import fresh

INERT = LITERALS | {
    "list", "tuple", "[", "]", "(", ")", ",", "parenthesized_expression", "unary_operator", "-",
    "string_start", "string_content", "string_end",
}  # fmt: skip


def if_else_swap(source: Source, rng: random.Random) -> Edits | Refusal:
    """`if c: A else: B` becomes `if not c: B else: A`."""
    found = chosen_statements(source, rng, ("if_statement",))
    if isinstance(found, Refusal):
        return found
    for node in found[1]:
        clauses = [child for child in node.children if child.field == "alternative"]
        condition, then, other = (
            node.child("condition"),
            node.child("consequence"),
            block_of(clauses[0] if clauses else None),
        )
        if (
            len(clauses) != 1
            or clauses[0].type != "else_clause"
            or condition is None
            or then is None
            or other is None
        ):
            continue
        if not is_indented_block(source, then) or not is_indented_block(source, other):
            continue
        if any(inner.type in ("global_statement", "nonlocal_statement") for inner in node.walk()):
            continue  # must stand before every mention of its name
        negated = Edit(condition.start, condition.end, f"not ({source.text(condition)})")
        edits = [negated]
        for old, new in ((then, other), (other, then)):
            start = source.line_start(old.children[0].start)
            edits.append(Edit(start, last_end(old), body_text(source, new).removesuffix("\n")))
        return Edits(edits)
    return Refusal("no plain if with an else")


def elif_split(source: Source, rng: random.Random) -> Edits | Refusal:
    """`elif` becomes an `if` within an `else`."""
    found = chosen_statements(source, rng, ("if_statement",), names_stay=True)
    if isinstance(found, Refusal):
        return found
    for node in found[1]:
        clause = next((child for child in node.children if child.type == "elif_clause"), None)
        if clause is None or has_long_string(node):
            continue
        indent = indentation(source, node)
        if source.data[source.line_start(clause.start) : clause.start].decode() != indent:
            continue
        step = deeper(indent)[len(indent) :]
        head = Edit(clause.start, clause.start + len("elif"), f"else:\n{indent}{step}if")
        after = source.data.find(b"\n", clause.start) + 1
        return Edits([head, *indent_lines(source, after, last_end(node), step)] if after else [head])
    return Refusal("no elif")


def ternary_to_if(source: Source, rng: random.Random) -> Edits | Refusal:
    """`x = a if c else b` becomes an if statement."""
    found = chosen_statements(source, rng, ("expression_statement", "return_statement"))
    if isinstance(found, Refusal):
        return found
    for node in found[1]:
        inner = node.children[0] if node.type == "expression_statement" else node
        if inner.type not in ("assignment", "return_statement"):
            continue
        value = inner.child("right") if inner.type == "assignment" else inner.children[-1]
        if value is None or value.type != "conditional_expression":
            continue
        parts = [child for child in value.children if child.type not in ("if", "else", "comment")]
        if len(parts) != 3 or node.row != node.end_row or inner.child("type") is not None:
            continue
        then, condition, other = (source.text(part) for part in parts)
        head, indent = source.data[node.start : value.start].decode(), indentation(source, node)
        lines = [
            f"if {condition}:",
            f"{deeper(indent)}{head}{then}",
            f"{indent}else:",
            f"{deeper(indent)}{head}{other}",
        ]
        return Edits([Edit(node.start, node.end, "\n".join(lines))])
    return Refusal("no conditional expression that is a whole right side")


def if_to_ternary(source: Source, rng: random.Random) -> Edits | Refusal:
    """An if statement that only chooses a variable's value becomes a conditional expression."""
    found = chosen_statements(source, rng, ("if_statement",))
    if isinstance(found, Refusal):
        return found
    for node in found[1]:
        clauses = [child for child in node.children if child.field == "alternative"]
        if (
            len(clauses) != 1
            or clauses[0].type != "else_clause"
            or any(n.type == "comment" for n in node.walk())
        ):
            continue
        condition = node.child("condition")
        then, other = (
            _only_assignment(source, node.child("consequence")),
            _only_assignment(source, block_of(clauses[0])),
        )
        if condition is None or then is None or other is None or then[0] != other[0] or has_long_string(node):
            continue
        text = f"{then[0]} = ({then[1]}) if ({source.text(condition)}) else ({other[1]})"
        return Edits([Edit(node.start, last_end(node), text)])
    return Refusal("no if that only chooses a value")


def _only_assignment(source: Source, block: Node | None) -> tuple[str, str] | None:
    """Name and value of a block that is one plain assignment."""
    if block is None or len(block.children) != 1 or block.children[0].type != "expression_statement":
        return None
    inner = block.children[0].children[0]
    left, right = inner.child("left"), inner.child("right")
    if inner.type != "assignment" or left is None or right is None or inner.child("type") is not None:
        return None
    if left.type != "identifier" or right.type in ("assignment", "yield", "expression_list", "pattern_list"):
        return None
    return source.text(left), source.text(right)


def permute(source: Source, rng: random.Random) -> Edits | Refusal:
    """Two neighbouring assignments that have nothing to do with each other change places."""
    found = chosen_statements(source, rng, ("expression_statement",))
    if isinstance(found, Refusal):
        return found
    names, shuffled = found
    movable = {id(node): name for node in shuffled if (name := _inert_assignment(source, node)) is not None}
    pairs = [
        (first, second)
        for block in {id(node.parent): node.parent for node in shuffled if node.parent is not None}.values()
        for first, second in pairwise(block.children)
        if id(first) in movable and id(second) in movable
    ]
    pairs = [
        (first, second)
        for first, second in pairs
        if movable[id(first)] != movable[id(second)]
        and names.elsewhere.isdisjoint({movable[id(first)], movable[id(second)]})
        and not (
            _may_free(names, first, movable[id(first)]) and _may_free(names, second, movable[id(second)])
        )
    ]
    if pairs:
        first, second = rng.choice(pairs)
        texts = source.text(first), source.text(second)
        return Edits([Edit(first.start, first.end, texts[1]), Edit(second.start, second.end, texts[0])])
    return Refusal("no two neighbouring assignments that are certainly independent")


def _inert_assignment(source: Source, node: Node) -> str | None:
    """The name that an inert assignment binds."""
    inner = node.children[0]
    left, right = inner.child("left"), inner.child("right")
    if inner.type != "assignment" or left is None or right is None or left.type != "identifier":
        return None
    return source.text(left) if is_inert(right) else None


def _may_free(names: Names, node: Node, name: str) -> bool:
    """Whether an assignment may be what ends the life of something that somebody made."""
    if name in names.parameter_names or name in names.functions:
        return True
    others = [bound for bound in names.bound[name] if not node.start <= bound.start < node.end]
    if all(bound.start > node.start for bound in others) and not any(
        outer.type in ("for_statement", "while_statement") for outer in node.ancestors()
    ):
        return False
    rights = [
        b.parent.child("right") if b.parent is not None and b.parent.type == "assignment" else None
        for b in others
    ]
    return not all(right is not None and is_inert(right) for right in rights)


def is_inert(node: Node) -> bool:
    """Whether an expression is literals in lists and tuples alone: nothing of it can call code or fail.

    Sets and dictionaries hash their elements, which calls code; a name may not be bound.
    """
    return all(inner.type in INERT for inner in node.walk())


def for_to_while(source: Source, rng: random.Random) -> Edits | Refusal:
    """`for` becomes `while`: over a counter where that is certainly the same, else over the iterator."""
    found = chosen_statements(source, rng, ("for_statement",))
    if isinstance(found, Refusal):
        return found
    names, loops = found
    for node in loops:
        body, left, right = node.child("body"), node.child("left"), node.child("right")
        if body is None or left is None or right is None or node.children[0].type == "async":
            continue
        if (
            node.child("alternative") is not None
            or not is_indented_block(source, body)
            or right.type == "expression_list"
        ):
            continue
        counted = _counted_loop(source, names, node, left, right, body)
        if counted is not None:
            return counted
        if not all(names.is_builtin(name) for name in ("iter", "next", "StopIteration")) or _leaves(body):
            continue
        if not _takes_what_comes(source, names, left, right):
            continue
        if is_inert(right) or is_range(source, names, right):
            return Edits([_iterated_head(source, node, left, right, body, fresh(rng, names.words), "")])
        if not has_long_string(body):
            return _freed_loop(source, node, left, right, body, fresh(rng, names.words))
    return Refusal("no for loop that keeps its meaning as a while loop")


def _leaves(body: Node) -> bool:
    """Whether a loop may be left early."""
    return any(
        node.type in ("break_statement", "return_statement", "yield", "raise_statement")
        for node in body.walk()
    )


def _takes_what_comes(source: Source, names: Names, left: Node, right: Node) -> bool:
    """Whether binding the target certainly raises no StopIteration, which would look like the end of the loop."""
    if left.type == "identifier":
        return True
    function = right.child("function") if right.type == "call" else None
    plain = left.type in ("pattern_list", "tuple_pattern") and all(
        child.type in ("identifier", ",", "(", ")") for child in left.children
    )
    if not plain or function is None:
        return False
    text = source.text(function)
    makes_tuples = text in ("enumerate", "zip") and names.is_builtin(text)
    return makes_tuples or (function.type == "attribute" and text.endswith(".items"))


def _iterated_head(
    source: Source, node: Node, left: Node, right: Node, body: Node, name: str, step: str
) -> Edit:
    """What stands for a loop's head: the iterator is asked until it has no more."""
    indent = indentation(source, node)
    start = source.line_start(body.children[0].start)
    inner = source.data[start : body.children[0].start].decode() + step
    lines = [
        f"{name} = iter({source.text(right)})",
        *([f"{indent}try:"] if step else []),
        f"{indent}{step}while True:",
        f"{inner}try:",
        f"{deeper(inner)}{source.text(left)} = next({name})",
        f"{inner}except StopIteration:",
        f"{deeper(inner)}break",
    ]
    return Edit(node.start, start, "\n".join(lines) + "\n")


def _freed_loop(source: Source, node: Node, left: Node, right: Node, body: Node, name: str) -> Edits:
    """A loop whose iterator lives no longer than a `for` keeps it: it may hold what is to be closed."""
    indent = indentation(source, node)
    step = deeper(indent)[len(indent) :]
    start, end = source.line_start(body.children[0].start), last_end(body)
    head = _iterated_head(source, node, left, right, body, name, step)
    tail = Edit(end, end, f"\n{indent}finally:\n{indent}{step}del {name}")
    return Edits([head, *indent_lines(source, start, end, step), tail])


def _counted_loop(
    source: Source, names: Names, node: Node, left: Node, right: Node, body: Node
) -> Edits | None:
    """`for i in range(n)` as `i = 0; while i < n: ...; i += 1`; None where somebody could tell."""
    arguments = right.child("arguments")
    if left.type != "identifier" or arguments is None or not is_range(source, names, right):
        return None
    name = source.text(left)
    values = [child for child in arguments.children if child.type not in ("(", ")", ",")]
    if not 1 <= len(values) <= 2 or any(
        type_of(source, names, value) != "int" or not is_quiet(value) for value in values
    ):
        return None
    # The counter passes the last value once more than range does: nobody may look at it outside, or later.
    uses = names.uses[name]
    inside = [use for use in uses if node.start <= use.start < node.end]
    if len(inside) != len(uses) or any(scope_of(use) is not names.function for use in inside):
        return None
    written = {
        source.text(n) for bound in names.bound.values() for n in bound if body.start <= n.start < body.end
    }
    if name in names.elsewhere or name in names.functions or name in names.parameter_names:
        return None
    if written & {name, *(source.text(value) for value in values)}:
        return None
    if any(inner.type in ("continue_statement", "delete_statement", "yield") for inner in body.walk()):
        return None
    begin, end = ("0", source.text(values[0])) if len(values) == 1 else (source.text(v) for v in values)
    start = source.line_start(body.children[0].start)
    inner_indent = source.data[start : body.children[0].start].decode()
    head = f"{name} = {begin}\n{indentation(source, node)}while {name} < {end}:\n"
    return Edits(
        [Edit(node.start, start, head), Edit(last_end(body), last_end(body), f"\n{inner_indent}{name} += 1")]
    )
