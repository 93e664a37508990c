from kdray.corpus.left_out import MAX_ALIKE, MAX_REASONS, OTHER, LeftOut


def test_reasons_are_counted_with_their_first_place_and_the_most_frequent_comes_first():
    first, second = LeftOut(), LeftOut()
    first.add("too long", "a: line 1")
    second.add("too long", "b: line 9")
    second.add("no label", "b: line 2", count=3)
    first.merge(second)
    assert first.total == 5
    assert first.lines() == [
        "left out 3, first b: line 2: no label",
        "left out 2, first a: line 1: too long",
    ]


def test_the_number_of_reasons_is_bounded():
    left_out = LeftOut()
    for number in range(1000):
        left_out.add("reason" + "x" * number, "a")
    assert left_out.total == 1000
    assert len(left_out.because()) == MAX_REASONS + 1
    assert left_out.because()[OTHER]["count"] == 1000 - MAX_REASONS


def test_reasons_that_differ_in_a_name_alone_leave_room_for_others():
    left_out = LeftOut()
    for number in range(1000):
        left_out.add(f"no function 'f{number}'", f"a: line {number}")
    left_out.add("no label", "b")
    because = left_out.because()
    assert because["no function …"] == {"count": 1000 - MAX_ALIKE, "first": f"a: line {MAX_ALIKE}"}
    assert because["no label"]["count"] == 1
    assert len(because) == MAX_ALIKE + 2
