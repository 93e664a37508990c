"""Published sets of Java assertions in every layout that is read."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from kdray.corpus.layouts import LABELLED, import_examples
from kdray.corpus.splits import split_of
from kdray.corpus.store import corpus_manifest, read_corpus, write_corpus
from kdray.errors import DataError
from tests import java_world, labelled_world

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "java_assertions"
ATLAS_TEST = (
    'testTotal ( ) { shop . Cart cart = new shop . Cart ( "a<sp>{" ) ; "<AssertPlaceHolder>" ; '
    "cart . close ( ) ; } total ( ) { return held ; }"
)
NAN = float("nan")
METHODS2TEST = {
    "repository": {"repo_id": 7, "url": "https://example.org/shop/cart"},
    "focal_class": {"identifier": "Cart", "file": "src/main/java/Cart.java"},
    "focal_method": {"identifier": "total", "body": "public int total() {\n        return held;\n    }"},
    "test_class": {"identifier": "CartTest", "file": "src/test/java/CartTest.java"},
    "test_case": {
        "identifier": "total",
        "body": "@Test\n    public void total() {\n        assertEquals(1, cart.total());\n"
        "        cart.close();\n    }",
    },
}


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def row(number=0, **changes):
    return java_world.row(number, random.Random(number), **changes)


def test_masked_tests_keep_split_origin_and_every_assertion(tmp_path):
    java_world.write_masked(tmp_path, train=30, others=5)
    (tmp_path / "SOURCES.json").write_text('{"shop/p0": {"commit": "c"}}')
    (tmp_path / "valid.jsonl.gz").write_bytes(gzip.compress((tmp_path / "valid.jsonl").read_bytes()))
    (tmp_path / "valid.jsonl").unlink()
    found = import_examples(tmp_path)
    assert (found.layout, found.left_out) == ("masked tests", 0)
    assert Counter(one.split for one in found.examples) == {"train": 30, "valid": 5, "test": 5}
    written = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    for one, said in zip([e for e in found.examples if e.split == "train"], written, strict=True):
        assert one.context + "// <ASSERTION_PLACEHOLDER>" + one.after == said["test_method_masked"]
        assert one.target == " ".join(said["assertions"])
        assert one.group == f"{said['repo']}/{said['path']}"
        assert one.test == f"{said['test_class']}.{said['test_name']}"
        assert (one.repo, one.commit, one.license) == (said["repo"], said["commit"], said["license"])
        assert one.focal == f"class {said['focal_class']} {{\n{said['focal_method']}\n}}"


def test_methods2test_has_a_file_a_test_and_its_assertions_are_cut_out(tmp_path):
    many = {**METHODS2TEST, "test_case": {"identifier": "no", "body": "@Test public void no() { run(); }"}}
    for split, number, data in (("train", 0, METHODS2TEST), ("eval", 1, METHODS2TEST), ("train", 2, many)):
        (tmp_path / split / "7").mkdir(parents=True, exist_ok=True)
        (tmp_path / split / "7" / f"7_{number}.json").write_text(json.dumps(data))
    found = import_examples(tmp_path)
    assert (found.layout, found.left_out) == ("Methods2Test", 1)
    assert sorted(one.split for one in found.examples) == ["train", "valid"]
    one = found.examples[0]
    assert one.context == "@Test\npublic void total() {\n    "
    assert (one.target, one.after) == ("assertEquals(1, cart.total());", "\n    cart.close();\n}")
    assert one.focal == "class Cart {\npublic int total() {\n    return held;\n}\n}"
    assert (one.group, one.repo) == ("shop/cart/src/test/java/CartTest.java", "shop/cart")
    (tmp_path / "all.jsonl").write_text(lines(METHODS2TEST, METHODS2TEST))
    assert len(import_examples(tmp_path / "all.jsonl").examples) == 2


def test_atlas_is_a_pair_of_files_of_tokens(tmp_path):
    for name in ("Training", "Eval", "Testing"):
        (tmp_path / "Raw" / name).mkdir(parents=True)
        (tmp_path / "Raw" / name / "testMethods.txt").write_text(f"{ATLAS_TEST}\n{ATLAS_TEST}\n")
        (tmp_path / "Raw" / name / "assertLines.txt").write_text(
            'org . junit . Assert . assertEquals ( "a<sp>b" , cart . total ( ) )\nassertTrue ( x )\n'
        )
    (tmp_path / "Abstracted").mkdir()
    (tmp_path / "Abstracted" / "testMethods.txt").write_text("METHOD_0 ( ) { }\n")
    found = import_examples(tmp_path)
    assert found.layout == "ATLAS"
    assert Counter(one.split for one in found.examples) == {"train": 2, "valid": 2, "test": 2}
    one = next(one for one in found.examples if one.split == "train")
    assert one.context == 'void testTotal ( ) { shop . Cart cart = new shop . Cart ( "a {" ) ;\n    '
    assert one.target == 'org . junit . Assert . assertEquals ( "a b" , cart . total ( ) ) ;'
    assert (one.after, one.focal) == ("\ncart . close ( ) ; }", "total ( ) { return held ; }")
    assert (one.test, one.repo, one.language) == ("testTotal", "", "java")
    # No group stands in two splits, though nothing says which file a row was in.
    assert len({one.group for one in found.examples}) == 6


def test_a_newer_atlas_names_where_its_focal_method_begins(tmp_path):
    (tmp_path / "testMethods.txt").write_text('f ( ) { "<AssertPlaceHolder>" ; } "<FocalMethod>" g ( ) { }\n')
    (tmp_path / "assertLines.txt").write_text("assertTrue ( g ( ) )\n")
    (one,) = import_examples(tmp_path).examples
    assert (one.context, one.after, one.focal) == ("void f ( ) {\n    ", "\n}", "g ( ) { }")


def test_assert5_has_two_columns_and_real_names_go_before_abstract_ones(tmp_path):
    said = "TEST_METHOD: @ Test public void total ( ) { <ASSERTION> close ( ) ; } FOCAL_METHOD: int total ( ) { }"
    abstract = {"inputIDs": said.replace("close", "METHOD_0"), "labels": "assertTrue ( METHOD_0 )"}
    for folder in ("raw", "abstract"):
        (tmp_path / folder).mkdir()
    (tmp_path / "raw" / "training.jsonl").write_text(lines({"inputIDs": said, "labels": "assertTrue ( x )"}))
    (tmp_path / "abstract" / "training.jsonl").write_text(lines({**abstract, "dict": {"METHOD_0": "close"}}))
    (one,) = import_examples(tmp_path).examples
    assert (one.context, one.target) == ("@ Test public void total ( ) {\n    ", "assertTrue ( x ) ;")
    assert (one.after, one.focal) == ("\nclose ( ) ; }", "int total ( ) { }")
    assert (one.test, one.split) == ("total", "train")
    (tmp_path / "raw" / "training.jsonl").rename(tmp_path / "AbstractCart.jsonl")
    (tmp_path / "Cart.jsonl").write_text(lines({"inputIDs": said, "labels": "assertTrue ( y )"}))
    assert len(import_examples(tmp_path).examples) == 2  # a name that only begins like that of a copy
    (other,) = import_examples(tmp_path / "abstract" / "training.jsonl").examples
    assert (other.context, other.after) == (one.context, one.after)
    assert other.target == "assertTrue ( close ) ;"


def test_a_set_without_splits_is_split_by_project(tmp_path):
    (tmp_path / "all.jsonl").write_text(lines(*(row(number) for number in range(400))))
    found = import_examples(tmp_path).examples
    assert len({one.split for one in found}) > 1
    assert all(one.split == split_of(one.repo) for one in found)


def test_labelled_code_is_told_apart(tmp_path):
    assert import_examples(labelled_world.write_pairs(tmp_path / "pairs")).layout == LABELLED
    assert import_examples(labelled_world.write_functions(tmp_path / "functions")).layout == LABELLED


def test_a_corpus_of_an_import_comes_back_as_written_and_python_has_no_further_columns(tmp_path):
    import pyarrow.parquet as pq

    examples = import_examples(java_world.write_masked(tmp_path / "source")).examples
    write_corpus(tmp_path / "java", examples, ["source"])
    assert read_corpus(tmp_path / "java") == examples
    assert corpus_manifest(tmp_path / "java")["splits"] == {"test": 24, "train": 160, "valid": 24}
    labelled = import_examples(labelled_world.write_functions(tmp_path / "functions")).examples
    write_corpus(tmp_path / "plain", labelled, ["source"])
    assert pq.read_schema(tmp_path / "plain" / "examples.parquet").names == [
        "id", "group", "language", "test", "focal", "context", "target", "split",
    ]  # fmt: skip
    assert read_corpus(tmp_path / "plain") == labelled


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("{", "line 2: not JSON"),
        (json.dumps(row(assertions=[])), "line 2: masked tests: assertions: expected a list of texts"),
        (json.dumps(row(assertions="assertTrue(x);")), "line 2: masked tests: assertions: expected a list"),
        (json.dumps(row(assertions=[" "])), "line 2: masked tests: an empty assertion"),
        (json.dumps({"assertions": ["a"]}), "line 2: masked tests: no field 'test_method_masked'"),
        (json.dumps({"test_method_masked": "<ASSERT>"}), "line 2: masked tests: assertions: expected a list"),
        (json.dumps(row(focal_method=7)), "line 2: masked tests: focal_method: expected text, found int"),
        (
            json.dumps(row(test_method_masked="void f() { }")),
            "line 2: .* one placeholder in the test, found 0",
        ),
        (
            json.dumps(row(test_method_masked="<ASSERT> <ASSERT>")),
            "line 2: .* placeholder in the test, found 2",
        ),
        (
            json.dumps(row(test_method_masked="/* <ASSERT> */")),
            "line 2: .* the placeholder stands in a comment",
        ),
    ],
)
def test_a_damaged_row_is_left_out_and_counted_with_its_line(tmp_path, second, said):
    (tmp_path / "train.jsonl").write_text(lines(row()) + second + "\n" + lines(row(2)))
    found = import_examples(tmp_path)
    assert (len(found.examples), found.left_out) == (2, 1)
    (told,) = found.why.lines()
    assert re.search(said, told)
    assert "\n" not in told
    assert "train.jsonl" in told
    (tmp_path / "train.jsonl").write_text(lines(row()).replace("focal_method", "focal") + second + "\n")
    with pytest.raises(DataError, match=said):
        import_examples(tmp_path)


@pytest.mark.parametrize(
    ("tests", "asserts", "said"),
    [
        (f"{ATLAS_TEST}\n", None, "no assertLines.txt beside it"),
        (f"{ATLAS_TEST}\n{ATLAS_TEST}\n", "assertTrue ( x )\n", "line 2: no line 2 in assertLines.txt"),
        (f"{ATLAS_TEST}\n", "assertTrue ( x )\nassertTrue ( y )\n", "line 2: no line 2 in testMethods.txt"),
        ("f ( ) { }\n", "assertTrue ( x )\n", "line 1: ATLAS: expected one placeholder in the test, found 0"),
    ],
)
def test_a_pair_of_files_that_do_not_fit_is_named(tmp_path, tests, asserts, said):
    (tmp_path / "testMethods.txt").write_text(tests)
    if asserts is not None:
        (tmp_path / "assertLines.txt").write_text(asserts)
    with pytest.raises(DataError, match=said):
        import_examples(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "train.jsonl",
            b'{"prompt": 1, "answer": 2}\n',
            "found train.jsonl with fields prompt, answer; expected",
        ),
        ("train.jsonl", b"", "found train.jsonl with no row"),
        ("train.csv", b"a,b\n", "found train.csv with no row"),
        ("train.jsonl.gz", gzip.compress(lines(row()).encode())[:-40], "cannot be read"),
        ("a.json", b"[1]", "row 1: expected a JSON object"),
        ("a.json", b"{", "cannot be read"),
    ],
)
def test_a_source_of_no_known_layout_says_what_was_found_and_what_is_read(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said) as told:
        import_examples(tmp_path)
    assert "\n" not in str(told.value)


def test_a_source_that_is_not_there_and_a_wrong_language_are_one_line(tmp_path):
    with pytest.raises(DataError, match="no such folder or file"):
        import_examples(tmp_path / "none")
    java_world.write_masked(tmp_path / "java")
    with pytest.raises(DataError, match=r"--language c: .* holds masked tests, which is Java"):
        import_examples(tmp_path / "java", "c")


def test_progress_ends_with_all_rows(tmp_path):
    seen = []
    import_examples(
        java_world.write_masked(tmp_path), progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (208, 208)


@pytest.mark.parametrize(
    "changes",
    [
        {"repository": None},
        {"repository": {"repo_id": 7, "url": None}},
        {"repository": {"repo_id": NAN, "url": NAN}, "test_class": NAN},
        {"test_class": None, "focal_class": None},
        {"test_class": {"identifier": None, "file": None}, "focal_class": {"identifier": None}},
    ],
)
def test_a_null_origin_stops_nothing_and_is_no_text(tmp_path, changes):
    (tmp_path / "all.jsonl").write_text(lines(METHODS2TEST, {**METHODS2TEST, **changes}))
    found = import_examples(tmp_path)
    assert (len(found.examples), found.left_out) == (2, 0)
    one = found.examples[1]
    said = [str(value) for value in vars(one).values()]
    assert not any("None" in text or text == "nan" or text.startswith(("/", ".", "nan")) for text in said)
    assert len({one.id for one in found.examples}) == 2


def test_optional_columns_of_masked_tests_may_be_null(tmp_path):
    nulls = dict.fromkeys(("repo", "path", "commit", "license", "test_class", "test_name", "focal_class"))
    (tmp_path / "all.jsonl").write_text(lines(row(**nulls), row(1, **nulls)))
    found = import_examples(tmp_path).examples
    assert len({one.group for one in found}) == 2
    assert not any("None" in str(value) for one in found for value in vars(one).values())


def test_a_name_of_another_kind_in_assert5_is_left_out(tmp_path):
    said = "TEST_METHOD: void f ( ) { <ASSERTION> } FOCAL_METHOD: int g ( ) { }"
    of_another_row = {"NAME_1": None}
    good = {"inputIDs": said, "labels": "assertTrue ( NAME_0 )", "dict": {"NAME_0": "x", **of_another_row}}
    (tmp_path / "train.jsonl").write_text(lines(good, {**good, "dict": {"NAME_0": None}}))
    found = import_examples(tmp_path)
    assert [one.target for one in found.examples] == ["assertTrue ( x ) ;"]
    assert "line 2: AsserT5: dict: expected a text for each name" in found.why.lines()[0]


def test_a_repeated_row_is_kept_under_an_id_of_its_own(tmp_path):
    (tmp_path / "a.jsonl").write_text(lines(METHODS2TEST, METHODS2TEST, METHODS2TEST))
    assert len({one.id for one in import_examples(tmp_path).examples}) == 3


def test_an_empty_line_of_atlas_costs_no_other(tmp_path):
    (tmp_path / "testMethods.txt").write_text(f"{ATLAS_TEST}\n\n{ATLAS_TEST}\n{ATLAS_TEST}\n")
    (tmp_path / "assertLines.txt").write_text("assertTrue ( x )\nassertTrue ( y )\n\nassertTrue ( z )\n")
    found = import_examples(tmp_path)
    assert [one.target for one in found.examples] == ["assertTrue ( x ) ;", "assertTrue ( z ) ;"]
    assert found.left_out == 2
    assert "testMethods.txt: line 2" in found.why.lines()[0]
    for name in ("testMethods.txt", "assertLines.txt"):
        (tmp_path / name).write_text("")
    with pytest.raises(DataError, match=r"nothing of ATLAS could be read; .*a file without a row"):
        import_examples(tmp_path)


def test_bytes_of_atlas_that_are_no_utf_8_are_decoded_or_left_out_and_a_mark_is_no_word(tmp_path):
    tests = [
        "\ufeff" + ATLAS_TEST,
        ATLAS_TEST.replace("a<sp>{", "caf\u00e9"),
        ATLAS_TEST.replace("a<sp>{", "bad"),
    ]
    encoded = [
        tests[0].encode(),
        tests[1].encode("latin-1"),
        tests[2].encode().replace(b"bad", b"\xd6\xd0\xb9\xfa"),
    ]
    (tmp_path / "testMethods.txt").write_bytes(b"\n".join(encoded) + b"\n")
    (tmp_path / "assertLines.txt").write_bytes(
        b"\xef\xbb\xbfassertTrue ( x )\nassertTrue ( y )\nassertTrue ( z )\n"
    )
    found = import_examples(tmp_path)
    assert [one.target for one in found.examples] == ["assertTrue ( x ) ;", "assertTrue ( y ) ;"]
    assert found.examples[0].context.startswith("void testTotal (")
    assert "caf\u00e9" in found.examples[1].context
    assert not any("\ufffd" in one.context for one in found.examples)
    assert "line 3: encoding: neither UTF-8 nor Latin" in found.why.lines()[0]


@pytest.mark.parametrize(
    ("assertion", "target"),
    [
        ("assertEquals(5, // five\n    x);", "assertEquals(5, x);"),
        ("assertEquals(5, x); // five", "assertEquals(5, x);"),
        ('assertEquals("//", // five\n x)', 'assertEquals("//", x);'),
        ("assertEquals(5, /* five */ x);", "assertEquals(5, /* five */ x);"),
        ('assertEquals("""\n    a\n      b\n    """, x);', 'assertEquals("a\\n  b\\n", x);'),
    ],
)
def test_a_comment_of_a_published_assertion_eats_nothing(tmp_path, assertion, target):
    (tmp_path / "a.jsonl").write_text(lines(row(assertions=[assertion])))
    assert import_examples(tmp_path).examples[0].target == target


def test_a_file_of_another_layout_is_left_out(tmp_path):
    java_world.write_masked(tmp_path, train=3, others=1)
    (tmp_path / "more.jsonl").write_text(lines(METHODS2TEST))
    (tmp_path / "notes.txt").write_text("nothing")
    found = import_examples(tmp_path)
    assert len(found.examples) == 5
    assert found.why.because() == {
        "a file without rows of masked tests": {"count": 2, "first": str(tmp_path / "more.jsonl")}
    }


def test_a_row_may_say_its_split(tmp_path):
    (tmp_path / "all.jsonl").write_text(
        lines(row(0, split="dev"), row(1, partition="train"), row(2, split="Test_set "))
    )
    assert [one.split for one in import_examples(tmp_path).examples] == ["valid", "train", "test"]


@pytest.mark.shared
def test_the_real_set_comes_whole(tmp_path):
    if not REAL.exists():
        pytest.skip("needs ../shared/data/java_assertions")
    found = import_examples(REAL)
    assert Counter(one.split for one in found.examples) == {"train": 37_647, "valid": 2_602, "test": 2_672}
    by_project = {one.repo: one.split for one in found.examples}
    assert all(by_project[one.repo] == one.split for one in found.examples)
    assert len(by_project) == 61
    assert len({one.id for one in found.examples}) == len(found.examples)
    for one in found.examples:
        assert one.license and one.commit and one.focal and one.after.startswith("\n")
        assert "\n" not in one.target
        assert one.context.rpartition("\n")[2].strip() == ""
    write_corpus(tmp_path / "corpus", found.examples, ["java_assertions"])
    assert len(read_corpus(tmp_path / "corpus", "test")) == 2_672
