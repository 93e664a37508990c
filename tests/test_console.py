"""What is said while work goes on."""

from kdray import console


def test_without_a_terminal_a_stage_says_now_and_then_how_far_it_is(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(console.time, "perf_counter", lambda: now[0])
    seconds: dict[str, float] = {}
    with console.stage("capture", seconds) as advance:
        for done in range(1, 8):
            now[0] += 10
            advance(done * 500, 3500)
    assert capsys.readouterr().err.splitlines() == [
        "capture   1,500 of 3,500 after 30 s",
        "capture   3,000 of 3,500 after 60 s",
    ]
    assert seconds == {"capture": 70.0}
