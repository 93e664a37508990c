"""An editor is answered, and a web page is not."""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import threading
from pathlib import Path

import pytest

from kdray.errors import ConfigError
from kdray.handover.asked import Asked, predict_source
from kdray.handover.opened import opened
from kdray.handover.suggestion_server import HOST, MOST_BYTES, server
from tests.handover.test_predict import PYTHON
from tests.test_cli import run

README = Path(__file__).parents[2] / "kdray/handover/README.md"
SAID = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def port(small_world):
    with server(opened(str(small_world / "teacher")), 0) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving.server_address[1]
        serving.shutdown()
        thread.join()


def ask(port, body, headers=SAID, method="POST"):
    """Status and answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    connection.request(method, "/", body if isinstance(body, (str, bytes)) else json.dumps(body), headers)
    reply = connection.getresponse()
    read = reply.read()
    connection.close()
    return reply.status, json.loads(read) if reply.getheader("Content-Type") == "application/json" else None


def test_the_answers_are_those_of_the_command_line(port, small_world):
    status, found = ask(port, {"source": PYTHON, "path": "test_shop.py", "count": 3})
    how = Asked(count=3, as_json=True)
    assert status == 200
    assert found == json.loads(predict_source(str(small_world / "teacher"), PYTHON, "test_shop.py", how))
    status, found = ask(port, {"source": PYTHON.replace("    <ASSERT>\n", ""), "line": 5, "test": None})
    assert (status, found[0]["line"], found[0]["indent"]) == (200, 5, "    ")


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Origin": "http://127.0.0.1"}, "a web page may not ask"),
        ({"Host": "evil.example"}, "asked by its own address"),
        ({"Content-Type": "text/plain"}, "must be application/json"),
    ],
)
def test_what_a_web_page_could_send_is_refused(port, headers, said):
    status, answer = ask(port, {"source": PYTHON}, SAID | headers)
    assert status == 403
    assert said in answer["error"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"source": PYTHON, "lin": 2}, "'lin' is not asked for, did you mean 'line'"),
        ({"source": PYTHON, "line": "2"}, "line must be a whole number"),
        ({"source": PYTHON, "line": 99}, "it has"),
        ({"path": "x"}, "source: the text of the test is missing"),
        ({"source": PYTHON, "path": "a\0b"}, "path: no file has a NUL"),
        ({"source": PYTHON, "line": 1, "test": "test_area_0"}, "not both"),
        ({"source": PYTHON, "count": 1000}, "at most"),
        ("{", "the request: not JSON"),
        ("[1]", "the request"),
    ],
)
def test_a_wrong_question_is_answered_in_one_line(port, body, said):
    status, answer = ask(port, body)
    assert status == 400
    assert said in answer["error"]
    assert "\n" not in answer["error"]


def test_a_body_that_is_too_long_or_a_page_that_is_read_is_no_question(port):
    for length in (str(MOST_BYTES + 1), "9" * 5000):
        assert ask(port, "", SAID | {"Content-Length": length})[0] == 413
    assert ask(port, "", {}, "GET")[0] == 501


def test_a_bug_is_answered_and_shown_where_it_runs_and_who_has_left_is_not(port, monkeypatch, capsys):
    go_on = threading.Event()

    def answered(*_):
        go_on.wait(60)
        raise ValueError("strange")

    monkeypatch.setattr("kdray.handover.suggestion_server.answered", answered)
    body = json.dumps({"source": PYTHON})
    gone = socket.create_connection((HOST, port))
    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    said = SAID | {"Host": f"{HOST}:{port}", "Content-Length": len(body)}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    gone.sendall(f"POST / HTTP/1.0\r\n{head}\r\n{body}".encode())
    gone.close()
    go_on.set()
    status, answer = ask(port, body)
    assert (status, answer["error"].partition(":")[0]) == (500, "a bug, ValueError")
    shown = capsys.readouterr().err
    assert "strange" in shown
    assert "ConnectionResetError" not in shown and "BrokenPipeError" not in shown


def test_a_port_that_is_taken_and_a_file_beside_serve_are_refused(port, small_world, monkeypatch, capsys):
    with pytest.raises(ConfigError, match=f"--port {port}"):
        server(opened(str(small_world / "teacher")), port)
    for more in (["a.py"], ["--count", "3"]):
        code, _, err = run(monkeypatch, capsys, "predict", small_world / "teacher", *more, "--serve")
        assert code == 2
        assert "leave them out" in err


def test_no_file_name_gets_into_the_shell_of_the_task_that_the_readme_shows():
    (shown,) = re.findall(r"```json\n(.*?)```", README.read_text(), re.DOTALL)
    (task,) = json.loads(shown)["tasks"]
    named = re.findall(r"\$(\w+)\"", task["command"].partition("'{")[0])
    assert sorted(named) == sorted(task["options"]["env"])
    assert "${" not in task["command"]
