import os
import subprocess
import sys

import pytest

from kdray.corpus.left_out import LeftOut
from kdray.corpus.mine import Options, mine, source_roots
from kdray.corpus.store import corpus_fingerprint, corpus_manifest, read_corpus, write_corpus
from kdray.errors import DataError


@pytest.fixture
def tests_folder(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    for n in range(40):
        body = "".join(f"    assert f({n}, {i}) == {n * i}\n" for i in range(3))
        (folder / f"test_{n}.py").write_text(f"def test_f():\n    n = {n}\n{body}")
    return folder


def test_the_corpus_does_not_depend_on_the_number_of_processes(tests_folder):
    alone = mine([str(tests_folder)], processes=1)
    assert len(alone) == 120
    assert mine([str(tests_folder)], processes=2) == alone


def test_fewer_files_are_taken_evenly(tests_folder):
    groups = {example.group for example in mine([str(tests_folder)], 1)}
    few = {example.group for example in mine([str(tests_folder)], 1, options=Options(files=3))}
    assert few < groups and len(few) == 3
    assert min(few) == min(groups)


def test_installed_packages_are_found_by_name_without_importing_them():
    roots = source_roots(["networkx", "mpmath"])
    assert (roots["networkx"] / "algorithms").is_dir()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("no_such_package", "not installed"),
        ("no/such/folder", "no such folder"),
        (__file__, "test_mine.py: a file: name the folder that it lies in"),
        ("a-b", "not installed"),
        ("__main__", "not installed"),
    ],
)
def test_an_unknown_source_is_one_clear_line(source, said):
    with pytest.raises(DataError, match=said):
        mine([source])


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no test files"):
        mine([str(tmp_path)])
    (tmp_path / "test_nothing.py").write_text("x = 1\n")
    with pytest.raises(DataError, match="no assertions"):
        mine([str(tmp_path)])


def test_a_corpus_comes_back_as_written(tests_folder, tmp_path):
    examples = mine([str(tests_folder)], processes=1)
    manifest = write_corpus(tmp_path / "corpus", examples, ["shop"])
    assert read_corpus(tmp_path / "corpus") == examples
    assert sum(manifest["splits"].values()) == len(read_corpus(tmp_path / "corpus"))
    assert {e.split for e in read_corpus(tmp_path / "corpus", "train")} == {"train"}
    assert len(corpus_fingerprint(tmp_path / "corpus")) == 16


def test_an_empty_corpus_leaves_nothing_behind(tmp_path):
    with pytest.raises(DataError, match="empty corpus"):
        write_corpus(tmp_path / "corpus", [], ["shop"])
    assert not (tmp_path / "corpus").exists()


def test_a_changed_corpus_is_refused(tests_folder, tmp_path):
    folder = tmp_path / "corpus"
    with pytest.raises(DataError, match="no corpus here"):
        read_corpus(folder)
    write_corpus(folder, mine([str(tests_folder)], processes=1), ["shop"])
    data = bytearray((folder / "examples.parquet").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "examples.parquet").write_bytes(bytes(data))
    with pytest.raises(DataError, match="does not match"):
        read_corpus(folder)
    for damaged in ("null", "[]", "{}", '{"sources": [], "splits": {}, "sha256": null}'):
        (folder / "corpus.json").write_text(damaged)
        with pytest.raises(DataError, match="damaged, no s"):
            read_corpus(folder)


def test_folders_of_one_name_are_told_apart(tmp_path):
    for number, name in enumerate(("one", "two")):
        folder = tmp_path / name / "tests"
        folder.mkdir(parents=True)
        (folder / "test_a.py").write_text(f"def test_a():\n    x = f({number})\n    assert x == {number}\n")
    found = mine([str(tmp_path / "one" / "tests"), str(tmp_path / "two" / "tests")], processes=1)
    assert [one.group for one in found] == ["one/tests/test_a.py", "two/tests/test_a.py"]
    assert set(source_roots([str(tmp_path / "one" / "tests")])) == {"tests"}


def test_a_folder_named_like_a_package_is_told_apart(tmp_path):
    (tmp_path / "networkx").mkdir()
    assert set(source_roots(["networkx", str(tmp_path / "networkx")])) == {
        "networkx",
        f"{tmp_path.name}/networkx",
    }


def test_a_name_that_is_no_utf_8_is_written_out(tmp_path):
    (tmp_path / os.fsdecode(b"test_caf\xe9.py")).write_text("def test_a():\n    assert f()\n")
    found = mine([str(tmp_path)], processes=1)
    assert found[0].group == f"{tmp_path.name}/test_caf\\xe9.py"
    write_corpus(tmp_path / "corpus", found, ["shop"])
    assert read_corpus(tmp_path / "corpus") == found


def test_what_was_left_out_is_kept_with_the_corpus_however_many_processes_mined_it(tests_folder, tmp_path):
    (tests_folder / "test_2.py").write_text("print 'a'\n")
    (tests_folder / "test_again.py").write_bytes((tests_folder / "test_0.py").read_bytes())
    (tests_folder / ".hidden").mkdir()
    (tests_folder / ".hidden" / "test_h.py").write_text("def test_h():\n    assert h()\n")
    counted = []
    for processes in (1, 2):
        left_out = LeftOut()
        examples = mine([str(tests_folder)], processes=processes, left_out=left_out)
        counted.append(left_out.because())
    assert counted[0] == counted[1]
    assert counted[0]["syntax of Python 2"] == {"count": 1, "first": "shop/test_2.py"}
    assert counted[0]["the same as another example"]["count"] == 3
    assert not any("hidden" in one.group for one in examples)
    manifest = write_corpus(tmp_path / "corpus", examples, ["shop"], left_out)
    assert manifest["left_out"] == 4
    assert corpus_manifest(tmp_path / "corpus")["left_out_because"] == counted[0]


def test_nothing_mined_says_why(tmp_path):
    (tmp_path / "test_a.py").write_text("print 'a'\n")
    with pytest.raises(DataError, match=r"no assertions in the 1 test files.*test_a.py: syntax of Python 2"):
        mine([str(tmp_path)])


def test_a_corpus_of_one_example_is_read_without_a_thread_that_outlives_it(tmp_path):
    (tmp_path / "test_a.py").write_text("def test_a():\n    assert f()\n")
    write_corpus(tmp_path / "corpus", mine([str(tmp_path)], processes=1), ["shop"])
    code = "import sys; from kdray.corpus.store import read_corpus; read_corpus(sys.argv[1])"
    for _ in range(8):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / "corpus")], check=True)
