"""Which variables of a Python function may be read where they have no value, for there the error tells the name.

A walk over the statements with the set of names that certainly are bound. In doubt a name is not: a `with` may
swallow what is raised in it, a handler may run before anything in its `try` has, a loop may not run at all.

Not covered: which branches are taken; what nested functions do when they are called (they are read where they
are defined).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kdray.metamorphic.transforms.python_binding import COMPREHENSIONS, SCOPES, binder_of, scope_of
from kdray.metamorphic.transforms.tree import Node, Source

State = frozenset[str] | None
"""Names that certainly are bound; None where nothing arrives."""
MAX_DEPTH = 100
"""Python itself indents no deeper."""
MAYBE_RUN = COMPREHENSIONS | {"boolean_operator", "conditional_expression", "comparison_operator", "lambda"}
OWN_BINDERS = frozenset({"assignment", "augmented_assignment", "as_pattern", "named_expression"})


def maybe_unbound(
    source: Source, function: Node, names: Collection[str], open_is_builtin: bool
) -> frozenset[str]:
    """Those names that some read of them may find without a value."""
    walk = _Walk(source, function, names, open_is_builtin)
    body = function.child("body")
    if body is not None:
        walk.block(body, frozenset(), 0)
    return frozenset(names) if walk.gave_up else frozenset(walk.unsure)


def _either(*states: State) -> State:
    """What is bound whichever way it came."""
    arriving = [state for state in states if state is not None]
    return frozenset.intersection(*arriving) if arriving else None


def _both(state: State, names: Iterable[str]) -> State:
    return None if state is None else state.union(names)


class _Walk:
    def __init__(self, source: Source, function: Node, names: Collection[str], open_is_builtin: bool) -> None:
        self.source, self.function, self.names = source, function, names
        self.open_is_builtin = open_is_builtin
        self.unsure: set[str] = set()
        self.breaks: list[list[State]] = []
        self.gave_up = False

    def block(self, node: Node | None, state: State, depth: int) -> State:
        for statement in node.children if node is not None else ():
            state = self.statement(statement, state, depth)
        return state

    def statement(self, node: Node, state: State, depth: int) -> State:
        if depth > MAX_DEPTH:
            self.gave_up = True
            return state
        method = getattr(self, f"_{node.type}", None)
        if method is not None:
            after: State = method(node, state, depth + 1)
            return after
        state = self.reads(node, state)
        if node.type == "break_statement" and self.breaks:
            self.breaks[-1].append(state)
        jumps = ("return_statement", "raise_statement", "continue_statement", "break_statement")
        return None if node.type in jumps else state

    def reads(self, node: Node | None, state: State) -> State:
        """Reads of an expression or a simple statement, then what it binds."""
        later: list[str] = []
        coming: list[tuple[int, str]] = []  # what `:=` binds, from where its value ends
        for inner in node.walk() if node is not None else ():
            if inner.type != "identifier" or state is None:
                continue
            name = self.source.text(inner)
            state = state.union(bound for end, bound in coming if end <= inner.start)
            if name not in self.names or _is_attribute(inner):
                continue
            binder = binder_of(inner)
            is_read = binder is None or binder.type == "augmented_assignment"
            if is_read and (name not in state or _is_deleted(inner)):
                self.unsure.add(name)
            if binder is not None and binder.type in OWN_BINDERS and scope_of(inner) is self.function:
                if binder.type != "named_expression":
                    later.append(name)
                elif not any(outer.type in MAYBE_RUN for outer in _up_to(inner, node)):
                    coming.append((binder.end, name))
        return _both(state, [*later, *(name for _, name in coming)])

    def targets(self, node: Node | None) -> list[str]:
        """Names that the target of a loop binds."""
        inside = node.walk() if node is not None else ()
        return [self.source.text(n) for n in inside if n.type == "identifier" and binder_of(n) is not None]

    def _comment(self, node: Node, state: State, depth: int) -> State:
        return state

    def _function_definition(self, node: Node, state: State, depth: int) -> State:
        name = node.child("name")
        after = _both(state, [self.source.text(name)] if name is not None else [])
        self.reads(node, after)
        return after

    def _class_definition(self, node: Node, state: State, depth: int) -> State:
        self.reads(node, state)
        return state

    def _decorated_definition(self, node: Node, state: State, depth: int) -> State:
        self.reads(node, state)
        return self.statement(node.children[-1], state, depth)

    def _if_statement(self, node: Node, state: State, depth: int) -> State:
        state = self.reads(node.child("condition"), state)
        ends = [self.block(node.child("consequence"), state, depth)]
        for clause in node.children:
            if clause.type == "elif_clause":
                state = self.reads(clause.child("condition"), state)
                ends.append(self.block(clause.child("consequence"), state, depth))
            elif clause.type == "else_clause":
                ends.append(self.block(_block(clause), state, depth))
                return _either(*ends)
        return _either(*ends, state)

    def _while_statement(self, node: Node, state: State, depth: int) -> State:
        condition = node.child("condition")
        state = self.reads(condition, state)
        endless = condition is not None and condition.type == "true"
        return self._loop(node, state, state, None if endless else state, depth)

    def _for_statement(self, node: Node, state: State, depth: int) -> State:
        state = self.reads(node.child("right"), state)
        left = node.child("left")
        inside = _both(self.reads(left, state), self.targets(left))
        return self._loop(node, state, inside, state, depth)

    def _loop(self, node: Node, before: State, inside: State, done: State, depth: int) -> State:
        self.breaks.append([])
        self.block(node.child("body"), inside, depth)
        left = self.breaks.pop()
        other = node.child("alternative")
        return _either(self.block(_block(other), done, depth) if other is not None else done, *left)

    def _with_statement(self, node: Node, state: State, depth: int) -> State:
        for item in node.children:
            if item.type == "with_clause":
                state = self.reads(item, state)
        after = self.block(node.child("body"), state, depth)
        return after if self._swallows_nothing(node) else state

    def _swallows_nothing(self, node: Node) -> bool:
        """Whether a `with` is on files that the built-in `open` gives."""
        items = [inner for inner in node.children[:-1] for inner in inner.walk() if inner.type == "with_item"]
        for item in items:
            value = item.child("value")
            if value is not None and value.type == "as_pattern":
                value = value.children[0]
            function = value.child("function") if value is not None and value.type == "call" else None
            if function is None or self.source.text(function) != "open":
                return False
        return bool(items) and self.open_is_builtin

    def _try_statement(self, node: Node, state: State, depth: int) -> State:
        done = self.block(node.child("body"), state, depth)
        ends: list[State] = []
        last: Node | None = None
        for clause in node.children:
            if clause.type in ("except_clause", "except_group_clause"):
                ends.append(self._handler(clause, state, depth))
            elif clause.type == "else_clause":
                done = self.block(_block(clause), done, depth)
            elif clause.type == "finally_clause":
                last = clause
        after = _either(done, *ends)
        if last is None:
            return after
        finished = self.block(_block(last), state, depth)
        return None if after is None or finished is None else after | finished

    def _handler(self, clause: Node, state: State, depth: int) -> State:
        for child in clause.children:
            if child.type != "block":
                state = self.reads(child, state)
        after = self.block(_block(clause), state, depth)
        caught = [child for child in clause.children if child.type == "as_pattern"]
        # The name of what was caught is deleted at the end, whatever it has come to mean.
        return after if after is None else after.difference(*(self.targets(child) for child in caught))

    def _match_statement(self, node: Node, state: State, depth: int) -> State:
        for subject in node.children:
            if subject.field == "subject":
                state = self.reads(subject, state)
        ends = [state]
        body = node.child("body")
        for clause in body.children if body is not None else ():
            if clause.type == "case_clause":
                for child in clause.children:
                    if child.type != "block":
                        self.reads(child, state)
                ends.append(self.block(clause.child("consequence"), state, depth))
        return _either(*ends)


def _block(clause: Node | None) -> Node | None:
    children = clause.children if clause is not None else ()
    return next((child for child in children if child.type == "block"), None)


def _is_attribute(node: Node) -> bool:
    parent = node.parent
    return parent is not None and (
        (parent.type == "attribute" and node.field == "attribute")
        or (parent.type == "keyword_argument" and node.field == "name")
    )


def _is_deleted(node: Node) -> bool:
    inner = node.parent
    while inner is not None and inner.type in (
        "expression_list",
        "tuple",
        "parenthesized_expression",
        "list",
    ):
        inner = inner.parent
    return inner is not None and inner.type == "delete_statement"


def _up_to(node: Node, top: Node | None) -> Iterable[Node]:
    for outer in node.ancestors():
        yield outer
        if outer is top or outer.type in SCOPES:
            return
