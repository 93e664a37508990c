"""`kdray report --serve`: the page of a sweep that runs, on this machine alone."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import struct
import threading
import urllib.error
import urllib.request

import pytest

from kdray.errors import ConfigError
from kdray.report.live_page import Server
from tests.report.browser import opened, rows, text, until
from tests.report.simulated import simulate
from tests.test_cli import run


@contextlib.contextmanager
def serving(folder):
    with Server(str(folder)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def got(address, host=None):
    request = urllib.request.Request(address, headers={"Host": host} if host else {})  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def ends(folder, key):
    (folder / "trials" / key / "state.json").write_text(
        json.dumps({"state": "failed", "reason": "late", "seconds": 1})
    )


def test_the_page_and_the_logs_are_served_and_nothing_else(tmp_path):
    folder = simulate(tmp_path / "one", 8, running=2)
    (folder / "trials" / "t0003" / "log.txt").write_text("began <b>\n")
    with serving(folder) as server:
        status, page, headers = got(server.address)
        assert status == 200 and "connect-src 'self'" in page and "no-store" in headers["Cache-Control"]
        assert got(server.address + "trials/t0003/log.txt")[1] == "began <b>\n"
        assert "results.jsonl" in got(server.address + "trials/t0003/")[1]
        assert got(server.address + "trials/t0003/log.txt")[2]["Content-Type"].startswith("text/plain")
        for path in ("sweep.yaml", "trials/../sweep.yaml", "trials/t0003/trial.yaml", "trials/t0003/../../x"):
            assert got(server.address + path)[0] == 404, path
        assert got(server.address, "kdray.example:80")[0] == 403
        (tmp_path / "secret").write_text("secret")
        (folder / "trials" / "t0002" / "log.txt").symlink_to(tmp_path / "secret")
        (folder / "trials" / "t0099").symlink_to(tmp_path)
        for path in ("t0002/log.txt", "t0099/"):
            assert got(server.address + f"trials/{path}")[:1] == (503,)
            assert "secret" not in got(server.address + f"trials/{path}")[1]
        (folder / "trials" / "t0099").unlink()
        before = got(server.address + "state")[1]
        assert got(server.address + "state")[1] == before
        ends(folder, "t0007")
        assert got(server.address + "state")[1] != before
        with pytest.raises(ConfigError, match="--port"):
            Server(str(folder), server.server_address[1])


def test_the_address_is_out_before_the_server_waits_and_a_browser_that_leaves_is_nothing(
    tmp_path, monkeypatch, capsys
):
    folder = simulate(tmp_path / "one", 8)
    out, seen = io.TextIOWrapper(io.BytesIO()), []
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr(Server, "serve_forever", lambda self: seen.append(out.buffer.getvalue().decode()))
    run(monkeypatch, capsys, "report", folder, "--serve")
    monkeypatch.undo()
    assert seen[0].startswith("http://127.0.0.1:")
    with serving(folder) as server:
        server.daemon_threads = False  # closing waits for the answer
        left, held = threading.Event(), server.page
        monkeypatch.setattr(server, "page", lambda: (left.wait(60), held())[1])
        gone = socket.create_connection(server.server_address)
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.sendall(f"GET / HTTP/1.0\r\nHost: 127.0.0.1:{server.server_address[1]}\r\n\r\n".encode())
        gone.close()
        left.set()
        assert got(server.address)[0] == 200
        server.server_close()
    assert capsys.readouterr().err == ""


@pytest.mark.browser
def test_a_page_that_follows_a_sweep_shows_news_and_keeps_what_is_selected(driver, tmp_path):
    folder = simulate(tmp_path / "one", 8, running=2)
    with serving(folder) as server:
        driver.get_log("browser")
        driver.get(server.address)
        until(lambda: driver.execute_script("return document.documentElement.dataset.ready") == "true")
        assert "2 running" in text(driver, "#counts") and "live" in text(driver, "#counts")
        driver.execute_script("document.querySelector('#table tbody tr:last-child').click()")
        chosen = text(driver, "#detail h3")
        ends(folder, "t0007")
        until(lambda: "1 running" in text(driver, "#counts"))
        assert text(driver, "#detail h3") == chosen
        assert len(rows(driver)) == 8
    assert driver.get_log("browser") == []


@pytest.mark.browser
def test_a_trial_is_named_by_the_address_and_its_folder_and_log_are_linked(driver, tmp_path):
    from kdray import results
    from kdray.report import html
    from kdray.report.front import front

    folder = simulate(tmp_path / "one two", 8)
    (folder / "trials" / "t0002" / "log.txt").write_text("began\n")
    experiment = results.experiment(folder)
    for path, base in ((folder / "front.html", "./"), (tmp_path / "there.html", "./one%20two/")):
        html.write(path, experiment, front(experiment.records, experiment.sweep.objectives))
        opened(driver, path)
        driver.get(path.as_uri() + "#t0002")
        driver.refresh()
        until(lambda: text(driver, "#detail h3") == "t0002")
        links = driver.execute_script(
            "return [...document.querySelectorAll('#detail .links a')].map((a) => a.getAttribute('href'))"
        )
        assert links == [f"{base}trials/t0002/", f"{base}trials/t0002/log.txt"]
