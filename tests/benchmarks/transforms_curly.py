"""Java and C projects from Debian's source packages, for `transforms.py --suites`. Nothing of theirs is kept.

The archives that this machine takes its packages from are asked, whether or not it lists source packages; where
they are not to be had, or what builds and runs the tests is missing, the project is skipped with the reason.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.benchmarks.transforms_suites import Function, restored

C_PROJECTS = {"cjson": ".", "jansson": "src", "expat": "expat/lib", "zlib": "."}
"""Source package: the folder of what is transformed."""
C_OPTIONS = ["-DCMAKE_BUILD_TYPE=Release", "-DENABLE_CJSON_TEST=ON", "-DJANSSON_BUILD_DOCS=OFF"]
JAVA_PROJECTS = {
    "libcommons-codec-java": ("src/main/java", "src/test"),
    "libjoda-time-java": ("src/main/java", "src/test"),
    "libcommons-math3-java": ("src/main/java", "src/test"),
    "libcommons-collections4-java": ("src/main/java", "src/test"),
}
"""Source package: the folders of what is transformed and of its tests."""
RELEASES = {"libcommons-collections4-java": "8"}
"""Of Java, where a project's tests do not compile against the newest."""
ZONES = (
    *("africa", "antarctica", "asia", "australasia", "europe", "northamerica", "southamerica"),
    *("etcetera", "backward"),
)
JARS = (
    *("junit4", "libhamcrest-java", "libcommons-lang3-java", "libjoda-convert-java", "libeasymock-java"),
    "libobjenesis-java",
)
RUNNER = """
import java.util.*;
import org.junit.runner.*;
import org.junit.runner.notification.*;
public class Told {
    public static void main(String[] names) throws Exception {
        JUnitCore core = new JUnitCore();
        Set<String> failed = new HashSet<>();
        List<String> all = new ArrayList<>();
        core.addListener(new RunListener() {
            public void testFinished(Description d) { all.add(d.getDisplayName()); }
            public void testFailure(Failure f) { failed.add(f.getDescription().getDisplayName()); }
            public void testAssumptionFailure(Failure f) { failed.add(f.getDescription().getDisplayName()); }
        });
        for (String name : names) core.run(Class.forName(name));
        for (String name : all)
            if (!failed.contains(name)) System.out.println("passed: " + name.replace("\\n", " "));
        System.exit(0);
    }
}
"""


def _call(command: list[str], folder: Path, limit_s: int = 1800) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", "took too long")
    except FileNotFoundError as error:
        raise RuntimeError(f"no {command[0]} here") from error


def _apt(folder: Path) -> list[str]:
    """Options with which apt knows of source packages, in lists of our own."""
    place = folder / "apt"
    options = [
        f"-oDir::Etc::SourceList={place}/sources.list",
        "-oDir::Etc::SourceParts=-",
        f"-oDir::State::Lists={place}/lists",
        f"-oDir::Cache={place}/cache",
        "-oAPT::Sandbox::User=root",
    ]
    if not (place / "sources.list").exists():
        (place / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (place / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        lines = _source_lines()
        if not lines:
            raise RuntimeError("this machine's package lists name no Debian archive")
        (place / "sources.list").write_text("\n".join(lines) + "\n")
        done = _call(["apt-get", *options, "update"], folder)
        if done.returncode != 0:
            (place / "sources.list").unlink()
            raise RuntimeError(f"apt-get update: {done.stderr.strip()}")
    return options


def _source_lines() -> list[str]:
    """Lines for source packages, of the archives that this machine takes its packages from."""
    lines = []
    for path in sorted(Path("/etc/apt/sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            fields = dict(re.findall(r"^(URIs|Suites|Components|Signed-By): *(.+)$", stanza, re.MULTILINE))
            if "main" not in fields.get("Components", "").split() or "debian" not in fields.get("URIs", ""):
                continue
            signed = f"[signed-by={fields['Signed-By']}] " if "Signed-By" in fields else ""
            lines += [f"deb-src {signed}{fields['URIs']} {suite} main" for suite in fields["Suites"].split()]
    for line in (
        Path("/etc/apt/sources.list").read_text().splitlines()
        if Path("/etc/apt/sources.list").exists()
        else []
    ):
        if line.startswith("deb ") and " main" in line:
            lines.append("deb-src" + line[3:])
    return lines


def fetched(name: str, folder: Path) -> Path:
    """The unpacked upstream archive of a source package."""
    place = folder / "sources" / name
    if not place.exists():
        options = _apt(folder)
        place.mkdir(parents=True)
        done = _call(["apt-get", *options, "source", "--download-only", name], place)
        archive = next(iter(place.glob("*.orig.tar.*")), None)
        if archive is None:
            shutil.rmtree(place)
            raise RuntimeError(f"not to be had: {done.stderr.strip() or done.stdout.strip()}")
        with tarfile.open(archive) as opened:
            opened.extractall(place, filter="data")
    return restored(next(path for path in place.iterdir() if path.is_dir()))


def _functions(language: str, paths: list[Path]) -> list[Function]:
    """All functions of some files, methods and constructors of Java's outermost classes."""
    import importlib

    from tree_sitter import Language, Parser

    grammar = importlib.import_module(f"tree_sitter_{language}")
    parser = Parser(Language(grammar.language()))
    wanted = {"c": {"function_definition"}, "java": {"method_declaration", "constructor_declaration"}}[
        language
    ]
    found = []
    for path in paths:
        data = path.read_bytes()
        try:
            data.decode()
        except UnicodeDecodeError:
            continue
        stack = [parser.parse(data).root_node]
        while stack:
            node = stack.pop()
            if node.type not in wanted:
                stack += node.children
                continue
            name = node.child_by_field_name("name") or node.child_by_field_name("declarator")
            while name is not None and not name.type.endswith("identifier"):
                name = name.child_by_field_name("declarator")
            if name is not None and not node.has_error and node.child_by_field_name("body") is not None:
                start, end = (len(data[:at].decode()) for at in (node.start_byte, node.end_byte))
                text = data[node.start_byte : node.end_byte].decode()
                found.append(Function(path, start, end, text, name.text.decode()))
    return found


@dataclass
class CProject:
    """Built by CMake, tested by CTest."""

    name: str
    root: Path
    language: str = "c"

    def functions(self) -> list[Function]:
        return _functions("c", sorted((self.root / C_PROJECTS[self.name]).glob("*.c")))

    def placed(self, function: Function, text: str) -> str:
        return text

    def passed(self, only: Collection[str] = ()) -> set[str]:
        """By CTest's own account."""
        source = self.root / "expat" if self.name == "expat" else self.root
        build = self.root / "built"
        if not build.exists():
            build.mkdir()
            if _call(["cmake", str(source), *C_OPTIONS], build).returncode != 0:
                raise RuntimeError("cmake fails on it")
        if _call(["make", "-k"], build).returncode != 0:
            return set()
        outcome = build / "outcome.xml"
        outcome.unlink(missing_ok=True)
        some = ["-R", f"^({'|'.join(map(re.escape, only))})$"] if only else []
        _call(["ctest", "--timeout", "300", "--output-junit", str(outcome), *some], build)
        if not outcome.exists():
            return set()
        cases = ElementTree.parse(outcome).iter("testcase")  # noqa: S314 - of the run just above
        return {str(case.get("name")) for case in cases if case.get("status") == "run"}


@dataclass
class JavaProject:
    """Compiled by javac, tested by JUnit 4."""

    name: str
    root: Path
    folder: Path
    language: str = "java"

    def functions(self) -> list[Function]:
        return _functions("java", sorted((self.root / JAVA_PROJECTS[self.name][0]).rglob("*.java")))

    def placed(self, function: Function, text: str) -> str:
        return text

    def _jars(self) -> str:
        """JUnit and what else the tests want, from packages that are unpacked and not installed."""
        place = self.folder / "jars"
        if not place.exists():
            place.mkdir()
            done = _call(["apt-get", "download", *JARS], place)
            if done.returncode != 0:
                shutil.rmtree(place)
                raise RuntimeError(f"no JUnit to be had: {done.stderr.strip()}")
            for package in place.glob("*.deb"):
                _call(["dpkg-deb", "-x", str(package), "."], place)
        return ":".join(str(path) for path in place.rglob("*.jar"))

    def passed(self, only: Collection[str] = ()) -> set[str]:
        """By JUnit's own account; of some, all of their classes. The tests are compiled once: variants change what
        methods do, not what they are called.
        """
        main, tests = (self.root / part for part in JAVA_PROJECTS[self.name])
        jars, classes = self._jars(), self.root / "classes"
        shutil.rmtree(classes, ignore_errors=True)
        classes.mkdir()
        for resources in (self.root / "src/main/resources", self.root / "src/test/resources"):
            if resources.exists():
                shutil.copytree(resources, classes, dirs_exist_ok=True)
        (self.root / "Told.java").write_text(RUNNER)
        paths = f"classes:tested:{jars}"
        compile_all = ["javac", "-nowarn", "-proc:none", "-encoding", "UTF-8", "-cp", paths]
        compile_all += ["--release", RELEASES[self.name], "-d"] if self.name in RELEASES else ["-d"]
        if _call([*compile_all, "classes", *map(str, main.rglob("*.java"))], self.root).returncode != 0:
            return set()
        if self.name == "libjoda-time-java":
            self._zones(main, classes)
        sources = [str(path) for path in tests.rglob("*.java")]
        if not (self.root / "tested").exists():
            (self.root / "tested").mkdir()
            if _call([*compile_all, "tested", "Told.java", *sources], self.root).returncode != 0:
                shutil.rmtree(self.root / "tested")
                return set()
        names = []
        for path in sorted(tests.rglob("*Test.java")) + sorted(tests.rglob("Test*.java")):
            package = re.search(r"^package ([\w.]+);", path.read_text(errors="replace"), re.MULTILINE)
            if not re.search(r"\babstract class|TestAll", path.read_text(errors="replace")) and package:
                names.append(f"{package[1]}.{path.stem}")
        classes_of = {name.rpartition("(")[2].rstrip(")") for name in only}
        names = [name for name in dict.fromkeys(names) if not only or name in classes_of]
        done = _call(["java", "-Xshare:auto", "-cp", paths, "Told", *names], self.root, 2400)
        return set(re.findall(r"^passed: (.+)$", done.stdout, re.MULTILINE))

    def _zones(self, main: Path, classes: Path) -> None:
        """Joda's build compiles the time zones with its own classes."""
        source, target = main / "org/joda/time/tz/src", classes / "org/joda/time/tz/data"
        _call(
            [
                "java",
                "-Dorg.joda.time.DateTimeZone.Provider=org.joda.time.tz.UTCProvider",
                "-cp",
                "classes",
                "org.joda.time.tz.ZoneInfoCompiler",
                "-src",
                str(source),
                "-dst",
                str(target),
                *ZONES,
            ],
            self.root,
        )
