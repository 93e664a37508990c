import pytest

from kdray.corpus.mine import mine, source_roots
from kdray.corpus.store import corpus_fingerprint, read_corpus, write_corpus
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


def test_installed_packages_are_found_by_name_without_importing_them():
    roots = source_roots(["networkx", "mpmath"])
    assert (roots["networkx"] / "algorithms").is_dir()


@pytest.mark.parametrize(
    ("source", "said"),
    [("no_such_package", "not installed"), ("no/such/folder", "no such folder"), ("a-b", "not installed")],
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
