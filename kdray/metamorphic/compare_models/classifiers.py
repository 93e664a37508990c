"""Two classifiers side by side on variants of the same inputs, and each under attack.

Both see the same clean inputs and the same variants (see `material`). Attacks go for each model by itself, on the
same items; the relations are then looked at on what the attack on the *student* ended with, which is the clean
code where it failed (ours).

Not covered: generators, which are judged on a suite (see `generators`).

Shape suffixes: N inputs, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kdray.console import Advance
from kdray.corpus.labelled_row import Labelled
from kdray.evaluation.classify import Classifier
from kdray.evaluation.metrics import classification_metrics, ece
from kdray.metamorphic.attacks.attack import Attacked, Item, attack
from kdray.metamorphic.attacks.measure import damage
from kdray.metamorphic.compare_models.material import Material
from kdray.metamorphic.compare_models.plan import Plan
from kdray.metamorphic.compare_models.result import Duel, Mimicry, column, curves
from kdray.metamorphic.discrepancy import discrepancy, discrepancy_interval, flips, rates, violating_share
from kdray.metamorphic.relations import Answers, Thresholds, classified, violations
from kdray.metamorphic.worst import WorstCase, most_violating, source_diff

WORDS = {"clone": ("no clone", "clone"), "vulnerability": ("not vulnerable", "vulnerable")}
MOST_WORST = 20
WORST_OF_A_COLUMN = 3
Probabilities = NDArray[np.float64]


@dataclass
class Side:
    """A model that is compared, with what it has been asked already.

    Attributes:
        name: of the model.
        technique: how it was made.
        answers: the model.
        attacked: attack -> what came of it, item by item.
    """

    name: str
    technique: str
    answers: Classifier
    attacked: dict[str, list[Attacked]] = field(default_factory=dict)

    def ask(self, codes: Sequence[tuple[Labelled, str]]) -> Probabilities:
        """Class probabilities [N, C] of cases with their first snippet replaced."""
        snippets = self.answers.task.snippets
        return self.answers([(code, case.other)[:snippets] for case, code in codes])


def compare_classifiers(
    teacher: Side,
    student: Side,
    inputs: Material,
    plan: Plan,
    progress: Advance = lambda done, total: None,
) -> Mimicry:
    """One row of the table.

    Args:
        teacher: whose outputs are the measure.
        student: who is to mimic them; of the same task.
        inputs: see `material`.
        plan: what is looked at.
        progress: called with (done, total) attacked items.

    Raises:
        ConfigError: for an attack that does not exist.
    """
    num = len(inputs.cases)
    teacher_NC, student_NC = teacher.ask(inputs.inputs), student.ask(inputs.inputs)
    case_N = np.array([number for number, _, _ in inputs.variants])
    labels_N = np.array([case.label for case in inputs.cases])
    answers = classified(teacher_NC[num:], student_NC[num:])
    by_relation = violations(answers, plan.thresholds)
    on_clean = violations(classified(teacher_NC[:num], student_NC[:num]), plan.thresholds)
    duels = _duels(teacher, student, inputs.items, plan, progress)
    looks = _by_transform(inputs, teacher_NC[num:], student_NC[num:])
    looks += [_after_attack(name, teacher, student, inputs.items) for name in plan.attacks]
    said = {"teacher": teacher_NC.argmax(1), "student": student_NC.argmax(1)}
    worst = [case for look in looks for case in _worst(look, plan.thresholds)]
    return Mimicry(
        teacher=teacher.name,
        student=student.name,
        technique=student.technique,
        task=inputs.cases[0].task,
        cases=num,
        variants=len(inputs.variants),
        metrics={
            "teacher": classification_metrics(teacher_NC[:num], labels_N),
            "student": classification_metrics(student_NC[:num], labels_N),
        },
        discrepancy=discrepancy(by_relation),
        interval=discrepancy_interval(by_relation, case_N, plan.seed),
        rates=rates(by_relation),
        clean_rates=rates(on_clean),
        violating=violating_share(by_relation),
        calibration_gap=abs(
            _ece(teacher_NC[num:], labels_N[case_N]) - _ece(student_NC[num:], labels_N[case_N])
        ),
        flips={who: flips(classes[case_N].tolist(), classes[num:].tolist()) for who, classes in said.items()},
        columns=tuple(
            column(look.name, look.is_attack, look.answers, plan.thresholds) for look in looks if look.inputs
        ),
        curves=curves(answers, plan.thresholds),
        duels=tuple(duels),
        worst=tuple(sorted(worst, key=lambda case: -case.severity)[:MOST_WORST]),
    )


def _ece(probabilities_NC: Probabilities, labels_N: NDArray[np.int64]) -> float:
    return ece(probabilities_NC.max(1), probabilities_NC.argmax(1) == labels_N)


@dataclass(frozen=True)
class _Look:
    """The inputs of a column with what both models said to them."""

    name: str
    is_attack: bool
    inputs: Sequence[tuple[Labelled, str]]
    teacher_NC: Probabilities
    student_NC: Probabilities

    @property
    def answers(self) -> Answers:
        return classified(self.teacher_NC, self.student_NC)


def _by_transform(inputs: Material, teacher_NC: Probabilities, student_NC: Probabilities) -> list[_Look]:
    name_N = np.array([name for _, name, _ in inputs.variants])
    changed = inputs.inputs[len(inputs.cases) :]
    looks = []
    for name in dict.fromkeys(name_N.tolist()):
        mine = np.flatnonzero(name_N == name)
        looks.append(_Look(name, False, [changed[i] for i in mine], teacher_NC[mine], student_NC[mine]))
    return looks


def _after_attack(name: str, teacher: Side, student: Side, items: Sequence[Labelled]) -> _Look:
    ended = zip(items, student.attacked[name], strict=True)
    met = [(item, result.code) for item, result in ended if result.was_right]
    return _Look(name, True, met, teacher.ask(met), student.ask(met))


def _duels(
    teacher: Side, student: Side, items: Sequence[Labelled], plan: Plan, progress: Advance
) -> list[Duel]:
    """Attacks both models by every attack, unless that was done for another comparison."""
    left = [(side, name) for name in plan.attacks for side in (teacher, student) if name not in side.attacked]
    for step, (side, name) in enumerate(left):
        side.attacked[name] = []
        for number, case in enumerate(items):
            side.attacked[name].append(_attack(side, name, case, plan, plan.seed + number))
            progress(step * len(items) + number + 1, len(left) * len(items))
    plain = [Item(case.code, case.label, case.language) for case in items]
    return [
        Duel(name, damage(plain, teacher.attacked[name]), damage(plain, student.attacked[name]))
        for name in plan.attacks
    ]


def _attack(side: Side, name: str, case: Labelled, plan: Plan, seed: int) -> Attacked:
    def victim(codes: Sequence[str]) -> Probabilities:
        return side.ask([(case, code) for code in codes])

    item = Item(case.code, case.label, case.language, case.substitutes)
    return attack(name, victim, item, budget=plan.budget, seed=seed)


def _worst(look: _Look, thresholds: Thresholds) -> list[WorstCase]:
    """The cases of a column that violate most."""
    if not look.inputs:
        return []
    cases = []
    for i, broken, severity in most_violating(look.answers, thresholds, WORST_OF_A_COLUMN):
        case, code = look.inputs[i]
        words = WORDS[case.task]
        cases.append(
            WorstCase(
                transform=look.name,
                relations=broken,
                source=code,
                diff=source_diff(case.code, code),
                other=case.other,
                truth=words[case.label],
                teacher=_said(words, look.teacher_NC[i]),
                student=_said(words, look.student_NC[i]),
                severity=severity,
            )
        )
    return cases


def _said(words: tuple[str, str], probabilities_C: Probabilities) -> str:
    label = int(probabilities_C.argmax())
    return f"{words[label]} ({probabilities_C[label]:.3f})"
