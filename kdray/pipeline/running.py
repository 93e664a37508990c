"""Runs the tests of a sweep's suites where its students' assertions will be run, before anything is trained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from kdray.config import Sweep
from kdray.config.metric_names import ALL_OF_RUNS, OF_MUTANTS, OF_VARIANTS
from kdray.console import Stage, say
from kdray.corpus.store import Examples, examples_of
from kdray.errors import ConfigError, DataError, KdrayError
from kdray.evaluation.baselines import copied
from kdray.execution.suite_plan import (
    FILE,
    Variation,
    changed_file,
    is_planned,
    keep_none,
    plan_runs,
    read_plan,
)
from kdray.execution.suite_runs import how_of
from kdray.metamorphic.suite import Suite
from kdray.metamorphic.suite_inputs import IDENTITY
from kdray.storage import exists, join


def run_suites(sweep: Sweep, suites: Sequence[str], stage: Stage) -> None:
    """Finds out which cases run, and which faults their own assertions catch, where nobody has yet.

    Where they cannot be run here, that is said, and nothing of it measured.

    Raises:
        KdrayError: what cannot be run is an objective, also where the cases of the first rung leave it without a
            value; or the corpus is gone.
    """
    config = sweep.trial.evaluation.execution
    if config is None:
        return
    for folder in filter(sweep.trial.runs, suites):
        corpus = sweep.trial.corpus
        how = how_of(config, corpus)
        if not is_planned(folder, config, how):
            if changed := changed_file(folder, how):
                say(
                    f"warning: evaluation.execution: {changed} has changed since the cases of {folder} were run:"
                    " they are run again; what trials reported before is of the file as it was"
                )
            if corpus is None or not exists(join(corpus, "corpus.json")):
                raise ConfigError(
                    f"evaluation.execution: {join(folder, FILE)} is missing and cannot be made: name trial.corpus"
                )
            suite = Suite.open(folder)
            clean = [number for number, transform in enumerate(suite.transforms) if transform == IDENTITY]
            by_id = examples_of(corpus, [suite.cases[number] for number in clean])
            known = [number for number in clean if suite.cases[number] in by_id]
            try:
                with stage("execution") as advance:
                    examples = [by_id[suite.cases[number]] for number in known]
                    written = [[suite.teacher_texts[number] for number in known]]
                    # Together: a file is imported once for all who write.
                    train = Examples(corpus, "train")
                    written += copied(train, examples, lambda done, total: None).values()
                    variations = _variations(suite, folder) if config.variants else {}
                    plan = plan_runs(folder, examples, written, config, how, advance, variations)
            except KdrayError as error:
                if _objectives(sweep):
                    raise
                keep_none(folder, config, str(error))
                say(f"warning: evaluation.execution: no assertion is run: {error}")
                continue
            mutants = sum(len(case["counting"]) for case in plan["cases"])
            say(
                f"execution {len(plan['cases'])} of {plan['tried']} tests run here, {mutants} faults that their"
                " assertions catch"
            )
            if config.variants:
                passed = sum(len(case["variants"]) for case in plan["cases"])
                left = sum(why["count"] for why in plan["variants_left_out"].values())
                say(f"execution {passed} of {passed + left} variants of these tests pass as the tests do")
        if _objectives(sweep):
            _check_enough(sweep, folder)


def _variations(suite: Suite, folder: str) -> dict[str, list[Variation]]:
    """The variants of each case. Raises `DataError` where the suite does not have their sources."""
    if not suite.contexts:
        raise DataError(
            f"evaluation.execution.variants: {folder} does not hold its variants' sources: remove it, and it is"
            " made anew"
        )
    found: dict[str, list[Variation]] = defaultdict(list)
    for row, transform in enumerate(suite.transforms):
        if transform != IDENTITY:
            texts = suite.contexts[row], suite.references[row], suite.teacher_texts[row]
            found[suite.cases[row]].append(Variation(suite.name(row), *texts))
    return found


def _objectives(sweep: Sweep) -> list[str]:
    """Those that are measured by running."""
    return [name for name in ALL_OF_RUNS if name in sweep.objectives]


def _check_enough(sweep: Sweep, folder: str) -> None:
    """Raises `DataError` where the first rung's cases give an objective no value."""
    config = sweep.trial.evaluation
    cases = config.cases if len(sweep.trial.budget.reports) == 1 else min(config.cases, config.rung_cases)
    first = dict.fromkeys(Suite.open(folder).cases)
    asked = set(list(first)[:cases])
    planned = [case for case in read_plan(folder)["cases"] if case["id"] in asked]
    if not planned:
        raise DataError(
            f"evaluation.execution: none of the first {cases} cases of {folder} runs here: set a larger rung_cases"
        )
    variants = [variant for case in planned for variant in case.get("variants", ())]
    of_variants = [name for name in OF_VARIANTS if name in sweep.objectives]
    if of_variants and not any(each["counting"] or of_variants[-1] == OF_VARIANTS[0] for each in variants):
        raise DataError(
            f"objectives.{of_variants[-1]}: no variant of {folder}'s first {cases} cases runs here and catches a"
            " fault: set a larger rung_cases"
        )
    wanting = [name for name in OF_MUTANTS if name in sweep.objectives]
    if wanting and not any(case["counting"] for case in planned):
        raise DataError(
            f"objectives.{wanting[0]}: the {len(planned)} of {folder}'s first {cases} cases that run here catch no"
            " fault: set a larger rung_cases or evaluation.execution.mutants"
        )
