"""Java assertions that run: a small checkout, its tests mined, and what is written in their place."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kdray.config import Execution
from kdray.corpus.example import Example
from kdray.corpus.mine import mine
from kdray.corpus.store import write_corpus
from kdray.errors import ConfigError, DataError
from kdray.execution.ask import How
from kdray.execution.java.ask_java import ANYWHERE, KITS
from kdray.execution.java.confined_runs import HOME
from kdray.execution.java.java_mutants import faults_of, focal_method
from kdray.execution.java.java_runs import OPTIONS, JavaOutcome, JavaTest, Runs
from kdray.execution.java.javac_process import Javac
from kdray.execution.java.jdk import SHARE, class_path, find_jdk, program
from kdray.execution.judged import Judged, judge
from kdray.execution.runnable_tests import find_runnable
from kdray.execution.sandbox import run
from kdray.execution.suite_plan import plan_runs
from kdray.execution.suite_runs import SuiteRuns, how_of

JUNIT4 = [f"{SHARE}/{name}.jar" for name in ("junit4", "hamcrest-core")]
JUNIT5 = [
    f"{SHARE}/{name}.jar"
    for name in (
        "junit-jupiter-api", "junit-jupiter-engine", "junit-jupiter-params", "junit-platform-commons",
        "junit-platform-engine", "junit-platform-launcher", "opentest4j", "apiguardian-api", "univocity-parsers",
    )
]  # fmt: skip
needs_java = pytest.mark.skipif(
    shutil.which("javac") is None
    or not all(map(os.path.exists, JUNIT4 + JUNIT5))
    or run(lambda: None).ending == "refused",
    reason="wants a JDK, Debian's junit4 and junit5, and a system that grants namespaces",
)
CART = """\
package shop;

public class Cart {
    private int held;

    public int add(int more) {
        if (more < 0) {
            return held;
        }
        held += more;
        return held;
    }
}
"""
TESTS4 = """\
package shop;

import static org.junit.Assert.*;

import org.junit.Assume;
import org.junit.Test;

public class CartTest {
    private final Cart cart = Helper.cart();

    @Test
    public void addsTwice() {
        cart.add(2);
        if (cart != null)
            assertEquals(5, cart.add(3));
    }

    @Test
    public void addIsWrong() {
        assertEquals(6, cart.add(3));
    }

    @Test(expected = IllegalStateException.class)
    public void addThrowsBefore() {
        if (cart != null) {
            throw new IllegalStateException();
        }
        assertEquals(3, cart.add(3));
    }

    @Test
    public void addIsSkipped() {
        Assume.assumeTrue(false);
        assertEquals(3, cart.add(3));
    }
}
"""
TESTS5 = """\
package shop;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CartParametersTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void addGrows(int more) {
        Cart cart = new Cart();
        assertTrue(cart.add(more) == more);
    }
}
"""
LACKING = """\
package shop;

import org.mockito.Mockito;
import org.junit.Test;

public class CartMockedTest {
    @Test
    public void adds() {
        assertEquals(3, new Cart().add(3));
    }
}
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("java") / "shop"
    tests = root / "src/test/java/shop"
    (root / "src/main/java/shop").mkdir(parents=True)
    tests.mkdir(parents=True)
    (root / "src/main/java/shop/Cart.java").write_text(CART)
    (root / "src/main/java/module-info.java").write_text("module shop { requires nothing.that.is.here; }")
    (tests / "CartTest.java").write_text(TESTS4)
    (tests / "CartParametersTest.java").write_text(TESTS5)
    (tests / "CartMockedTest.java").write_text(LACKING)
    (tests / "Helper.java").write_text(
        "package shop;\nclass Helper {\n    static Cart cart() { return new Cart(); }\n}\n"
    )
    return root


@pytest.fixture(scope="module")
def examples(checkout: Path) -> dict[str, Example]:
    return {example.test: example for example in mine([str(checkout)], language="java", processes=1)}


def judged(checkout: Path, some: list[Example], written: dict[str, list[str]]) -> Judged:
    how = How(5.0, processes=1, roots={ANYWHERE: checkout}, classpath=[*JUNIT4, *JUNIT5])
    return judge(some, written, mutants=20, how=how)


@needs_java
def test_which_java_tests_run_and_why_others_do_not(
    checkout: Path, examples: dict[str, Example], tmp_path: Path
) -> None:
    held = [Example(**{**vars(example), "split": "test"}) for example in examples.values()]
    write_corpus(str(tmp_path), held, [str(checkout)])
    how = How(5.0, processes=1, classpath=[*JUNIT4, *JUNIT5])
    kept = find_runnable(str(tmp_path), None, how, lambda done, total: None)
    ids = {example.id: example.test for example in held}
    assert {ids[each] for each in kept["runnable"]["test"]} == {
        "CartTest.addsTwice",
        "CartParametersTest.addGrows",
    }
    assert {why: found["count"] for why, found in kept["left_out"].items()} == {
        "does not pass here (AssertionError)": 1,
        "does not come to its assertion": 1,
        "skips itself": 1,
        "does not compile: 'org.mockito' is not in the class path": 1,
    }


@needs_java
def test_java_assertions_parse_compile_pass_and_kill(checkout: Path, examples: dict[str, Example]) -> None:
    some = [
        examples["CartTest.addsTwice"],
        examples["CartParametersTest.addGrows"],
        examples["CartTest.addIsSkipped"],
    ]
    found = judged(
        checkout,
        some,
        {
            "weak": ["assertNotNull(cart); // is there", "assertTrue(cart != null);", "assertNotNull(cart);"],
            "wrong": ["assertEquals(4, cart.add(3));", "assertTrue(false);", "assertEquals(4, 3);"],
            "broken": ["} void more() {", "assertTrue(", "// nothing"],
            "unknown": ["assertEquals(5, basket);", "int more = 1;", "assertThat(cart).isEmpty();"],
            "raising": ["throw new IllegalStateException();", "cart = null; cart.add(1);", ""],
        },
    )
    rates = {
        name: [
            metrics.get(rate)
            for rate in ("parse_rate", "compile_rate", "pass_rate", "false_alarm_rate", "kill_rate")
        ]
        for name, metrics in found.metrics.items()
    }
    assert found.cases == 2 and found.mutants >= 3
    assert rates["original"] == [1, 1, 1, 0, 1]
    assert rates["no_assertion"] == [1, 1, 1, 0, 0]
    assert rates["weak"] == [1, 1, 1, 0, 0] and found.metrics["weak"]["vacuous_rate"] == 1
    assert rates["wrong"] == [1, 1, 0, 1, 0]
    assert rates["broken"] == [0, 0, 0, 0, 0]
    assert rates["unknown"] == [1, 0, 0, 0, 0]  # the second hides a parameter, which Java refuses
    assert rates["raising"] == [2 / 3, 2 / 3, 0, 0, 0]
    assert found.metrics["original"]["compile_cases"] == 3


@needs_java
@pytest.mark.slow
def test_a_sweep_runs_java_answers_against_the_faults_that_its_suite_chose(
    checkout: Path, examples: dict[str, Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KDRAY_CACHE", str(tmp_path / "cache"))
    example = examples["CartTest.addsTwice"]
    config = Execution(cases=1, mutants=4, classpath=os.pathsep.join(JUNIT4))
    write_corpus(str(tmp_path / "corpus"), list(examples.values()), [str(checkout)])
    how = how_of(config, str(tmp_path / "corpus"), processes=1)
    plan = plan_runs(str(tmp_path), [example], [[example.target]], config, how)
    assert plan["cases"][0]["counting"] and set(plan["sources"]) == {
        f"shop/src/{part}.java" for part in ("test/java/shop/CartTest", "main/java/shop/Cart")
    }
    found = SuiteRuns(str(tmp_path), config, how).judge(
        [example.id], ["assertTrue(cart.add(3) > 2);"], [example.target]
    )
    assert (found["pass_rate"], found["kill_rate"] + found["kill_disagreement"]) == (1, 1)
    code = checkout / "src/main/java/shop/Cart.java"
    try:
        code.write_text(CART.replace("more < 0", "0 > more"))
        with pytest.raises(DataError, match=r"Cart.java is another file"):
            SuiteRuns(str(tmp_path), config, how)
    finally:
        code.write_text(CART)


HOSTILE = Path(__file__).with_name("Hostile.java")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Runs, Path, Path]]:
    folder = tmp_path_factory.mktemp("hostile")
    for part in [folder, *folder.parents]:
        if part.stat().st_uid == os.geteuid() and part != Path("/tmp"):  # noqa: S108
            part.chmod(0o755)
    (folder / "kept").write_text("as it was")
    folder.chmod(0o777)
    classes, jdk = folder / "classes", find_jdk()
    classes.mkdir()
    javac = Javac(jdk)
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = (
            HOSTILE.read_text()
            .replace("PORT", str(server.getsockname()[1]))
            .replace("OUTSIDE_FOLDER", str(folder))
        )
        sources = {"Hostile": source} | {
            name: program(name).read_text() for name in ("KdrayReached", "KdrayRunner", *KITS)
        }
        for name, text in sources.items():
            assert javac.compile(name, text, classes, [*JUNIT4, *JUNIT5]) is None
        runs = Runs(jdk, classes, [*JUNIT4, *JUNIT5], seconds=2.0, unsafe=False)
        yield runs, classes, folder
        runs.close()
        javac.close()


def ended(hostile: tuple[Runs, Path, Path], method: str, times: int = 1) -> list[JavaOutcome]:
    runs, classes, folder = hostile
    path = [str(classes), *JUNIT4]
    return runs.run(JavaTest("KdrayJUnit4", "Hostile", method, 0), [path] * times, folder)


@needs_java
@pytest.mark.parametrize(
    ("method", "outcomes"),
    [
        ("exit", {"exited"}),
        ("halt", {"exited"}),
        ("loop", {"time"}),
        ("socket", {"raises ConnectException", "raises SocketException"}),
        ("write", {"raises FileSystemException", "raises AccessDeniedException"}),
        ("remove", {"raises FileSystemException", "raises AccessDeniedException"}),
        ("writeAtHome", {"passes"}),
        ("print", {"output"}),
        ("printBelow", {"output"}),
        ("memory", {"memory OutOfMemoryError"}),
        ("threads", {"memory OutOfMemoryError"}),
        ("deep", {"raises StackOverflowError"}),
        ("secrets", {"passes"}),
        ("nowhere", {"absent"}),
    ],
)
def test_hostile_java_is_contained_and_named(
    hostile: tuple[Runs, Path, Path], method: str, outcomes: set[str]
) -> None:
    (outcome,) = ended(hostile, method)
    assert f"{outcome.said} {outcome.error}".strip() in outcomes
    assert (hostile[2] / "kept").read_text() == "as it was"
    assert not (hostile[2] / "new").exists()


@needs_java
def test_what_a_java_test_starts_ends_with_it_and_others_are_not_disturbed(
    hostile: tuple[Runs, Path, Path],
) -> None:
    assert [outcome.said for outcome in ended(hostile, "start")] == ["passes"]
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [line for line in lines if b"61.75" in line]
    assert [outcome.said for outcome in ended(hostile, "thread", times=2)] == ["passes", "passes"]
    assert [outcome.said for outcome in ended(hostile, "exit", times=2)] == ["exited", "exited"]


def test_without_a_jdk_or_a_class_path_java_is_refused_in_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ConfigError, match="Java tests are run with a JDK, and PATH has no javac"):
        find_jdk()
    with pytest.raises(ConfigError, match=r"classpath: .*no such jar"):
        class_path([str(tmp_path / "no.jar")])
    with pytest.raises(ConfigError, match="classpath: Java tests are compiled with JUnit"):
        class_path([])
    assert any(HOME in option for option in OPTIONS)


def test_java_faults_are_single_changes_of_the_method_alone() -> None:
    focal = (
        "class Cart {\n"
        + CART[CART.index("public int add") : CART.rindex("    }")].replace("\n    ", "\n")
        + "}\n}"
    )
    data = CART.encode()
    method = focal_method(data, focal)
    assert method is not None and focal_method(data, focal.replace("Cart", "Basket")) is None
    faults = {(fault.what, fault.put(data).decode()) for fault in faults_of(method)}
    for what, old, new in [
        ("another comparison in line 7", "more < 0", "more <= 0"),
        ("another constant in line 7", "more < 0", "more < 1"),
        ("the other branch taken in line 7", "more < 0", "!(more < 0)"),
        ("another operator in line 10", "held += more", "held -= more"),
        ("a statement left out in line 10", "held += more;", ";"),
        ("nothing returned in line 8", "return held", "return 0"),
    ]:
        assert (what, CART.replace(old, new, 1)) in faults
    assert len(faults) == 7
