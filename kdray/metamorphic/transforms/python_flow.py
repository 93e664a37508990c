"""Python transformations of control flow, and of the order of statements.

Not covered: `match`, `try`, `async for`.
"""

from __future__ import annotations

import random
from itertools import pairwise

from kdray.metamorphic.transforms.base import Edit, Edits, Refusal, head_of
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
from kdray.metamorphic.transforms.python_types import LITERALS
from kdray.metamorphic.transforms.tree import Node, Source

INERT = LITERALS | {
    "list", "tuple", "[", "]", "(", ")", ",", "parenthesized_expression", "unary_operator", "-",
    "string_start", "string_content", "string_end",
}  # fmt: skip


def if_else_swap(source: Source, rng: random.Random) -> Edits | Refusal:
    """`if c: A else: B` becomes `if not c: B else: A`."""
    chosen = chosen_statements(source, rng, ("if_statement",))
    if isinstance(chosen, Refusal):
        return chosen
    for node in chosen[1]:
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
    chosen = chosen_statements(source, rng, ("if_statement",), names_stay=True)
    if isinstance(chosen, Refusal):
        return chosen
    for node in chosen[1]:
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
    chosen = chosen_statements(source, rng, ("expression_statement", "return_statement"))
    if isinstance(chosen, Refusal):
        return chosen
    for node in chosen[1]:
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
        head, indent = head_of(source, node.start, value.start), indentation(source, node)
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
    chosen = chosen_statements(source, rng, ("if_statement",))
    if isinstance(chosen, Refusal):
        return chosen
    for node in chosen[1]:
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
    chosen = chosen_statements(source, rng, ("expression_statement",))
    if isinstance(chosen, Refusal):
        return chosen
    names, shuffled = chosen
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
