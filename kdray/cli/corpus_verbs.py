"""Verbs for corpora: mined, imported, shown, run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kdray.cli.apps import Json, corpus_app, show, show_data
from kdray.errors import ConfigError, nearest

if TYPE_CHECKING:
    from kdray.execution.ask import How

Seconds = Annotated[float, typer.Option(min=0.1, help="that one run may take")]
Unsafe = Annotated[
    bool,
    typer.Option(
        "--unsafe", help="run also where the system cannot confine: network and files are open then"
    ),
]
Classpath = Annotated[
    str,
    typer.Option(
        help="Java: jars and folders that tests are compiled and run with, JUnit among them, as `a:b`"
    ),
]
Sources = Annotated[
    str | None, typer.Option(help="Java: where the checkout lies now, if not where it was mined")
]
Force = Annotated[bool, typer.Option("--force", help="write over a corpus that is there")]


@corpus_app.command("mine")
def corpus_mine(
    out: Annotated[str, typer.Option(help="folder of the new corpus")],
    sources: Annotated[
        list[str] | None, typer.Argument(help="installed packages or folders; none means the demo's")
    ] = None,
    language: Annotated[str, typer.Option(help="python, or java: whole checkouts")] = "python",
    body: Annotated[
        bool, typer.Option("--body", help="Python: contexts without the test's decorators and fixtures")
    ] = False,
    doctests: Annotated[bool, typer.Option("--doctests", help="Python: examples in docstrings too")] = False,
    given_away: Annotated[
        bool, typer.Option("--given-away", help="keep test cases whose assertion stands in their context")
    ] = False,
    files: Annotated[
        int | None, typer.Option(min=1, help="test files at most, taken evenly; default: all")
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Mine assertions from test files.   Example: kdray corpus mine networkx ./mine --out corpora/mine"""
    from kdray.console import stage
    from kdray.corpus.left_out import LeftOut
    from kdray.corpus.mine import DEMO_PACKAGES, Options, mine
    from kdray.corpus.store import write_corpus

    if not sources and language != "python":
        raise ConfigError(f"--language {language}: name the folders to mine")
    if language != "python" and (body or doctests):
        raise ConfigError(f"--{'body' if body else 'doctests'}: for Python, not for --language {language}")
    _check_new(out, force)
    named, left_out = sources or list(DEMO_PACKAGES), LeftOut()
    options = Options(whole=not body, doctests=doctests, given_away=given_away, files=files)
    with stage("corpus") as advance:
        examples = mine(named, progress=advance, language=language, left_out=left_out, options=options)
        manifest = write_corpus(out, examples, named, left_out)
    show_data({"corpus": out, **manifest}, as_json)


@corpus_app.command("import")
def corpus_import(
    source: Annotated[str, typer.Argument(help="a folder or file")],
    out: Annotated[str, typer.Option(help="folder of the new corpus")],
    language: Annotated[str | None, typer.Option(help="of labelled code, where it does not say")] = None,
    split: Annotated[
        str, typer.Option(help="given: the set's own; file: its training part alone, anew by file")
    ] = "given",
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Import a published set: Java assertions (masked tests, Methods2Test, ATLAS, AsserT5), labelled pairs or
    functions (CodeXGLUE).   Example: kdray corpus import data/java_assertions --out corpora/java
    """
    from kdray.console import stage
    from kdray.corpus.labelled_row import LANGUAGES
    from kdray.corpus.layouts import LABELLED, importing
    from kdray.corpus.splits import by_file
    from kdray.corpus.store import write_corpus

    if split not in (splits := ("given", "file")):
        raise ConfigError(f"--split '{split}'{nearest(split, splits)}")
    if language and language not in LANGUAGES:
        raise ConfigError(f"--language {language}{nearest(language, LANGUAGES)}")
    _check_new(out, force)
    with stage("import") as advance:
        read = importing(source, language, advance)
        if split == "file" and read.layout == LABELLED:
            raise ConfigError(f"--split file: {source} holds {LABELLED}, which belongs to no test files")
        examples = by_file(read.examples, read.why) if split == "file" else read.examples
        manifest = write_corpus(out, examples, [source], read.why)
    show_data({"corpus": out, "layout": read.layout, **manifest}, as_json)


def _check_new(out: str, force: bool) -> None:
    """Raises `ConfigError` where a corpus is there already that nobody asked to write over."""
    from kdray.storage import exists, join

    if not force and exists(join(out, "corpus.json")):
        raise ConfigError(
            f"--out {out}: there is a corpus already: choose another folder, or --force replaces it"
        )


@corpus_app.command("show")
def corpus_show(
    folder: str,
    count: Annotated[int, typer.Option(help="how many examples")] = 3,
    as_json: Json = False,
) -> None:
    """Print some examples of a corpus, and what was left out of it.   Example: kdray corpus show corpora/mine
    --count 5
    """
    from dataclasses import asdict

    from kdray.corpus.left_out import told
    from kdray.corpus.sample import sample
    from kdray.corpus.store import corpus_manifest, read_corpus

    shown = sample(read_corpus(folder), count)
    if as_json:
        show_data({**corpus_manifest(folder), "examples": [asdict(example) for example in shown]}, as_json)
        return
    for example in shown:
        mark = ", stands in its own context" if example.is_given_away else ""
        show(
            f"# {example.group} {example.test} [{example.split}{mark}] {example.focal}\n"
            f"{example.context}>>> {example.target}{example.after}\n"
        )
    for line in told(corpus_manifest(folder).get("left_out_because", {})):
        show(line)


@corpus_app.command("runnable")
def corpus_runnable(
    corpus: str,
    cases: Annotated[
        int | None, typer.Option(min=1, help="examples of each split, from each file in turn; default: all")
    ] = None,
    seconds: Seconds = 5.0,
    classpath: Classpath = "",
    sources: Sources = None,
    unsafe: Unsafe = False,
    as_json: Json = False,
) -> None:
    """Which held-out tests of a mined corpus pass alone, here.   Example: kdray corpus runnable corpora/python"""
    from kdray.console import stage
    from kdray.execution.runnable_tests import FILE, find_runnable
    from kdray.storage import join

    with stage("run") as advance:
        kept = find_runnable(corpus, cases, how_asked(seconds, unsafe, classpath, sources), advance)
    found = {split: len(ids) for split, ids in kept["runnable"].items()}
    show_data({"runnable": join(corpus, FILE), **found, "left_out": kept["left_out"]}, as_json)


def how_asked(seconds: float, unsafe: bool, classpath: str, sources: str | None) -> How:
    """How a verb was told to run tests. Raises `ConfigError` for sources that are not there."""
    from kdray.execution.ask import How
    from kdray.execution.java.ask_java import ANYWHERE

    if sources is not None and not Path(sources).is_dir():
        raise ConfigError(f"--sources {sources}: no such folder")
    roots = {} if sources is None else {ANYWHERE: Path(sources).resolve()}
    given = [each for each in classpath.split(os.pathsep) if each]
    return How(seconds, unsafe=unsafe, roots=roots, classpath=given)
