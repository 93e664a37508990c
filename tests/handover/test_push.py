"""The card says what the Hub reads, and the folder arrives whole at a server that speaks its language."""

from __future__ import annotations

import json
import threading
import traceback
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from kdray.errors import ConfigError, StorageError
from kdray.handover import push as pushing
from kdray.handover.card_metadata import HEAD, of_teacher
from kdray.handover.export import export, summary

TOKEN = "hf_secret1"  # noqa: S105 - of nobody


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub as one commit asks of it."""

    received: dict[str, bytes]
    asked: list[tuple[str, dict[str, object], str]]
    broken = False

    def do_GET(self):
        """What is there: nothing yet."""
        self.answer({"sha": "0" * 40, "siblings": []})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        lines = [json.loads(line) for line in body.splitlines()] if "commit" in self.path else []
        said = {} if lines or not body.startswith(b"{") else json.loads(body)
        self.asked.append((self.path, said, self.headers.get("Authorization", "")))
        address = f"http://{self.headers['Host']}"
        if self.broken:
            self.answer({"error": "hf_secret1 may not"}, 403)
        elif self.path == "/api/repos/create":
            self.answer({"url": f"{address}/me/student"})
        elif self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            named = [{"path": one["path"], "uploadMode": self.mode(one["path"])} for one in said["files"]]
            self.answer({"files": [one | {"shouldIgnore": False} for one in named]})
        elif self.path.endswith("/info/lfs/objects/batch"):
            self.answer(
                {"objects": [self.upload(one, address) for one in said["objects"]], "transfer": "basic"}
            )
        elif "/commit/" in self.path:
            for one in lines:
                if one["key"] == "file":
                    self.received[one["value"]["path"]] = b64decode(one["value"]["content"])
                elif one["key"] == "lfsFile":
                    value = one["value"]
                    self.received[value["path"]] = self.received.pop(value["oid"])
            self.answer({"commitUrl": f"{address}/me/student/commit/{'1' * 40}", "commitOid": "1" * 40})
        else:
            self.answer({}, 404)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received[self.path.rpartition("/")[2]] = body
        self.answer({})

    @staticmethod
    def mode(path):
        return "lfs" if path.endswith(".safetensors") else "regular"

    @staticmethod
    def upload(one, address):
        return one | {"actions": {"upload": {"href": f"{address}/put/{one['oid']}", "header": {}}}}

    def answer(self, value, status=200):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(monkeypatch):
    kind = type("OneHub", (Hub,), {"received": {}, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        from huggingface_hub import HfApi

        address = f"http://127.0.0.1:{server.server_address[1]}"
        # Read when the library is imported: another test has done so.
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr("huggingface_hub.HfApi", lambda **named: HfApi(address, TOKEN, **named))
        yield kind
        server.shutdown()
        thread.join()


def test_a_folder_arrives_whole_with_a_card_that_the_hub_can_read(hub, shipped_from, tmp_path):
    done = export(
        str(shipped_from), tmp_path / "out", trial="t0000", license="apache-2.0", push_to="me/student"
    )
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert hub.received == {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes() for path in files
    }
    made = hub.asked[0][1]  # older clients say it the other way
    assert made.get("private", made.get("visibility")) in (True, "private")
    assert all(who == f"Bearer {TOKEN}" for path, _, who in hub.asked if "/put/" not in path)
    assert "uploaded to" in summary(done)
    assert done.address == "".join(done.address.partition("/me/student")[:2])
    head = yaml.safe_load(HEAD.match(hub.received["README.md"].decode())[1])
    assert head["license"] == "apache-2.0"
    assert head["datasets"] == done.facts.data["sources"]
    assert {"code", "assertion", "distillation"} <= set(head["tags"])
    (model,) = head["model-index"]
    told = {one["type"]: one for one in model["results"][0]["metrics"]}
    assert told["accuracy"]["value"] == pytest.approx(done.facts.metrics["assertion_accuracy"], abs=1e-4)
    low, high = done.facts.metrics["intervals"]["metamorphic_discrepancy"]
    assert f"[{low:.3f}, {high:.3f}]" in told["metamorphic_discrepancy"]["name"]


def test_a_hub_that_refuses_leaves_the_folder_and_tells_no_token(hub, shipped_from, tmp_path):
    hub.broken = True
    with pytest.raises(StorageError, match=r"--push me/student: .*can be uploaded again") as error:
        export(str(shipped_from), tmp_path / "out", trial="t0000", license="mit", push_to="me/student")
    assert "secret1" not in "".join(traceback.format_exception(error.value))  # which -v shows
    assert "\n" not in str(error.value)
    assert (tmp_path / "out" / "README.md").exists()


def test_a_name_a_license_or_the_want_of_one_is_refused_before_anything_is_written(shipped_from, tmp_path):
    out = tmp_path / "out"
    for named, said in (
        ({"push_to": "nobody"}, "a repository is named user/name"),
        ({"license": "My own!"}, "name it as the Hub does"),
        ({"push_to": "me/student"}, "--push needs --license"),
    ):
        with pytest.raises(ConfigError, match=said):
            export(str(shipped_from), out, trial="t0000", **named)
    assert list(tmp_path.iterdir()) == []


def test_a_teachers_license_and_origin_are_those_that_its_folder_tells(tmp_path: Path):
    assert of_teacher("kdray:python") == {"license": "apache-2.0"}
    assert of_teacher("some/model") == {"base_model": "some/model"}
    assert of_teacher(str(tmp_path / "none")) == {}
    base, tuned = tmp_path / "base", tmp_path / "tuned"
    for folder in (base, tuned):
        folder.mkdir()
    (base / "README.md").write_text("---\nlicense: mit\nbase_model: a/b\nmore: [1]\n---\n# it\n")
    (tuned / "training.json").write_text(json.dumps({"recipe": {"student": {"checkpoint": str(base)}}}))
    assert of_teacher(str(tuned)) == {"license": "mit", "base_model": "a/b"}
    (tuned / "README.md").write_text("---\nlicense: [evil]\nbase_model: '<script>'\n---\n")
    assert of_teacher(str(tuned)) == {"license": "mit", "base_model": "a/b"}
    (tuned / "training.json").write_text(json.dumps({"recipe": {"student": {"checkpoint": str(tuned)}}}))
    assert of_teacher(str(tuned)) == {}
    assert pushing.HUB_NAME.fullmatch("../x") is None
