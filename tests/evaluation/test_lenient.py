import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdray.evaluation.lenient import assertions, is_java, lenient_accuracy, lenient_mean
from kdray.evaluation.metrics import matches

STATEMENTS = st.sampled_from(
    [
        "assertEquals(1, x);",
        "assertEquals(2, x);",
        "assertTrue(f(a, b));",
        'assertEquals("a;,(", g());',
        "assertNull(x);",
    ]
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("assertEquals(1, x);", ["assertEquals(VALUE, x)"]),
        ("assertEquals(f(1, 2), x); assertTrue(y);", ["assertEquals(VALUE, x)", "assertTrue(y)"]),
        ('Assert.assertEquals("a;, b", x, 0.1);', ["Assert.assertEquals(VALUE, x, 0.1)"]),
        ("org . Assert . assertEquals ( 1 , x ) ;", ["org . Assert . assertEquals (VALUE, x )"]),
        ("assertThrows(E.class, () -> { f(); g(); });", ["assertThrows(E.class, () -> { f(); g(); })"]),
        ("assertNotEquals(1, x);", ["assertNotEquals(1, x)"]),
        ("assertEquals(1);", ["assertEquals(1)"]),
        ("assertTrue(x); assertTru", ["assertTrue(x)", "assertTru"]),
        ("", []),
    ],
)
def test_assertions_are_told_apart_and_the_expected_value_is_a_constant(text, found):
    assert assertions(text) == found


@pytest.mark.parametrize(
    ("output", "reference", "share"),
    [
        ("assertEquals(7, x);", "assertEquals(1, x);", 1.0),
        ("assertEquals(7, y);", "assertEquals(1, x);", 0.0),
        ("assertTrue(y); assertTrue(x);", "assertTrue(x); assertTrue(y); assertNull(z);", 2 / 3),
        ("assertTrue(x); assertTrue(x);", "assertTrue(x);", 0.5),
        ("", "assertTrue(x);", 0.0),
    ],
)
def test_the_share_is_of_the_larger_number(output, reference, share):
    assert lenient_accuracy([output], [reference]).tolist() == [pytest.approx(share)]


@given(st.lists(STATEMENTS, max_size=4), st.lists(STATEMENTS, min_size=1, max_size=4))
def test_it_is_a_symmetric_share_that_is_never_below_the_strict_one(written, wanted):
    output, reference = " ".join(written), " ".join(wanted)
    (share,) = lenient_accuracy([output], [reference])
    assert 0 <= share <= 1
    assert share == lenient_accuracy([reference], [output])[0]
    assert share >= matches([output], [reference])[0]
    assert lenient_accuracy([reference], [reference])[0] == 1


def test_the_mean_has_an_interval_around_it():
    mean, (low, high) = lenient_mean(["assertTrue(x);", "assertTrue(y);"] * 20, ["assertTrue(x);"] * 40)
    assert mean == 0.5
    assert 0.2 < low < mean < high < 0.8


def test_java_is_known_by_its_semicolons():
    assert is_java(["assertTrue(x);", "assertTrue ( x ) ;"])
    assert not is_java(["assert x == 1"])
    assert not is_java(["1", "0"])
    assert not is_java([])
