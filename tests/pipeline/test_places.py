"""What would be submitted where: the files of cluster/ are what `--dry-run` prints, and each is valid."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest
import yaml

from kdray import cli
from kdray.errors import ConfigError
from kdray.pipeline.places import NAMES, kuberay, place
from kdray.pipeline.places import ray as ray_place
from kdray.pipeline.places.request import request

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = ROOT / "cluster"
CRDS = ROOT.parent / "shared" / "data" / "kuberay"


def dry_run(monkeypatch, capsys, *arguments, sweep="sweeps/python.yaml"):
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("RAY_API_SERVER_ADDRESS", raising=False)
    monkeypatch.setattr(sys, "argv", ["kdray", "launch", sweep, "--dry-run", *arguments])
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = end.code
    out = capsys.readouterr()
    return code, out.out, out.err


@pytest.mark.parametrize(("on", "file"), [("slurm", "slurm.sbatch"), ("kuberay", "rayjob.yaml")])
def test_a_dry_run_prints_the_file_in_cluster(monkeypatch, capsys, on, file):
    code, out, _ = dry_run(monkeypatch, capsys, "--on", on, "--folder", "/shared")
    assert not code
    assert out == (CLUSTER / file).read_text()


def test_a_ray_job_carries_the_sweep_file_and_goes_on_where_it_was(monkeypatch, capsys):
    code, out, _ = dry_run(
        monkeypatch, capsys, "--on", "ray", "--folder", "/shared", "--address", "http://127.0.0.1:8265"
    )
    job = yaml.safe_load(out)
    assert not code
    assert job["working_dir"] == {"sweep.yaml": (ROOT / "sweeps/python.yaml").read_text()}
    assert "--resume" in job["entrypoint"]
    assert "cd /shared" in job["entrypoint"]


@pytest.mark.parametrize("on", ["slurm", "kuberay", "ray"])
def test_what_overrides_the_file_travels_with_it(monkeypatch, capsys, on):
    more = ["--address", "http://127.0.0.1:8265"] if on == "ray" else []
    changes = ["--set", "name=again", "--set", "distil note=1"]
    code, _, err = dry_run(monkeypatch, capsys, "--on", on, "--folder", "/shared", *more, *changes)
    assert code == 2
    assert "unknown key 'distil note'" in err
    wide = "space.distil.alpha={range: [0.0, 0.9]}"
    changes = ["--set", "name=again", "--set", wide, "--set", "search.seed=1"]
    code, out, err = dry_run(monkeypatch, capsys, "--on", on, "--folder", "/shared", *more, *changes)
    assert not code, err
    words = f"--set name=again --set '{wide}' --set search.seed=1 --resume"
    assert words in " ".join(out.replace("''", "'").split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--on", "slrum"], "no such place, did you mean 'slurm'?"),
        (["--on", "ray", "--folder", "/shared"], "needs --address"),
        (["--on", "ray", "--folder", "/shared", "--address", "head:6379"], "http(s)"),
        (["--on", "kuberay"], "storage: 'runs' means another folder on Kubernetes"),
        (["--on", "slurm", "--folder", "shared"], "must be absolute"),
        (["--on", "local"], "--dry-run"),
        (["--folder", "/shared"], "--folder: no effect with --on local, only with ray, slurm, kuberay"),
        (["--on", "slurm", "--image", "me/kdray"], "--image: no effect with --on slurm, only with kuberay"),
    ],
)
def test_what_cannot_be_submitted_is_said_in_one_line(monkeypatch, capsys, arguments, said):
    code, out, err = dry_run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_place_has_the_one_face(name):
    there = place(name)
    assert callable(there.render)
    assert callable(there.submit)


def test_slurm_asks_for_what_the_trials_take(tmp_path):
    data = yaml.safe_load((ROOT / "sweeps/python.yaml").read_text())
    data["resources"] = {
        "workers": 2, "cpus_per_worker": 2, "gpus_per_worker": 0.5, "max_concurrent": 6, "nodes": 3,
    }  # fmt: skip
    file = tmp_path / "sweep.yaml"
    file.write_text(yaml.safe_dump(data))
    script = place("slurm").render(request(str(file)))
    assert "#SBATCH --nodes=3\n" in script
    assert "#SBATCH --cpus-per-task=8\n" in script
    assert "#SBATCH --gpus-per-node=2\n" in script
    assert "--num-cpus 8 --num-gpus 2" in script


def test_the_name_of_a_sweep_or_its_file_is_no_shell_command(tmp_path):
    file = tmp_path / "a b$(touch hacked).yaml"
    file.write_text((ROOT / "sweeps/python.yaml").read_text())
    asked = request(str(file), folder="/shared/a b")
    assert f"'{file}'" in place("slurm").render(asked)
    assert "cd '/shared/a b'" in place("slurm").render(asked)
    assert "cd '/shared/a b' &&" in place("kuberay").render(asked)


def test_without_the_command_of_a_place_the_error_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    asked = request(str(ROOT / "sweeps/python.yaml"), folder="/shared")
    for name in ("slurm", "kuberay"):
        with pytest.raises(ConfigError, match="--dry-run"):
            place(name).submit(asked, "")


def submitting(monkeypatch, capsys, tmp_path, on, command, says):
    """What `kdray launch --on ON --json` prints where the place's command says something, and what that read."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / command).write_text(f"#!/bin/sh\ncat > {tmp_path}/read\necho '{says}'\n")
    (tmp_path / command).chmod(0o755)
    sweep = str(ROOT / "sweeps/python.yaml")
    asked = ["kdray", "launch", sweep, "--on", on, "--folder", "/shared", "--json"]
    monkeypatch.setattr(sys, "argv", asked)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 0
    return json.loads(capsys.readouterr().out), (tmp_path / "read").read_text()


@pytest.mark.parametrize(
    ("on", "command", "says", "job"),
    [
        ("slurm", "sbatch", "Submitted batch job 417 on cluster two", "417"),
        ("kuberay", "kubectl", "rayjob.ray.io/kdray-python created", "kdray-python"),
    ],
)
def test_what_was_submitted_is_told_as_json(monkeypatch, capsys, tmp_path, on, command, says, job):
    told, read = submitting(monkeypatch, capsys, tmp_path, on, command, says)
    assert told == {"on": on, "jobs": [job], "exit_code": 0}
    code, out, _ = dry_run(monkeypatch, capsys, "--on", on, "--folder", "/shared", "--json")
    assert not code
    shown = json.loads(out)
    assert shown["on"] == on and shown["submission"].count("\n") == read.count("\n")


def test_no_secret_of_the_environment_stands_in_a_submission(monkeypatch, capsys):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "s3cr3t-token")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t-key")
    for on in NAMES:
        _, out, err = dry_run(
            monkeypatch, capsys, "--on", on, "--folder", "/shared", "--address", "http://127.0.0.1:8265"
        )
        assert out
        assert "s3cr3t" not in out + err


@pytest.mark.parametrize("file", ["aws.yaml", "gcp.yaml"])
def test_launcher_files_fit_rays_schema(file):
    import ray.autoscaler

    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
    launcher = yaml.safe_load((CLUSTER / file).read_text())
    jsonschema.validate(launcher, schema)
    assert set(launcher["available_node_types"]) >= {launcher["head_node_type"]}
    assert launcher["available_node_types"]["head"]["resources"]["CPU"] == 0


def test_every_name_of_a_sweep_is_one_that_kuberay_admits_and_none_is_shared():
    names = [
        "python",
        "Python",
        "a_b",
        "a.b",
        "a-b",
        "a-",
        "a.",
        "0",
        "x" * 128,
        "x" * 127,
        "x" * 40 + "-",
        "x" * 41,
    ]
    made = [kuberay.object_name(name) for name in names]
    assert len(set(made)) == len(names)
    assert made[0] == "kdray-python"
    for name in made:  # KubeRay's own rule: a DNS label of RFC 1035, of at most 47
        assert re.fullmatch("[a-z]([-a-z0-9]*[a-z0-9])?", name), name
        assert len(name) <= 47


def test_kuberays_other_rules_of_admission_hold():
    configmap, job = yaml.safe_load_all((CLUSTER / "rayjob.yaml").read_text())
    spec = job["spec"]
    assert spec["shutdownAfterJobFinishes"]  # a time to live needs it
    assert spec["ttlSecondsAfterFinished"] >= 0
    assert spec["backoffLimit"] >= 0
    assert "clusterSelector" not in spec
    for group in spec["rayClusterSpec"]["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    pods = [spec["rayClusterSpec"]["headGroupSpec"], *spec["rayClusterSpec"]["workerGroupSpecs"]]
    for pod in pods:  # the second autoscaler wants it
        assert pod["template"]["spec"]["restartPolicy"] == "Never"
        assert pod["template"]["spec"]["containers"]
    assert configmap["metadata"]["name"] == job["metadata"]["name"]
    assert len(configmap["data"]["sweep.yaml"]) < 2**20


def strict(schema):
    """A CRD's schema in which an unknown key is an error, as it is when the server prunes it silently."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(part) for key, part in schema.items()}
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    return made


@pytest.mark.shared
@pytest.mark.skipif(not CRDS.exists(), reason="KubeRay's custom resource definitions are not here")
@pytest.mark.parametrize(
    ("file", "crd"),
    [("rayjob.yaml", "ray.io_rayjobs.yaml.gz"), ("raycluster.yaml", "ray.io_rayclusters.yaml.gz")],
)
def test_manifests_fit_kuberays_definitions(file, crd):
    definition = yaml.safe_load(gzip.decompress((CRDS / crd).read_bytes()))
    [version] = [v for v in definition["spec"]["versions"] if v["name"] == "v1"]
    schema = strict(version["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    *_, manifest = yaml.safe_load_all((CLUSTER / file).read_text())
    jsonschema.validate(manifest, schema)
    manifest["spec"]["entrypiont"] = "?"
    with pytest.raises(jsonschema.ValidationError, match="entrypiont"):
        jsonschema.validate(manifest, schema)


@pytest.mark.parametrize(
    "command", ["bash -n slurm.sbatch", "shellcheck slurm.sbatch", "hadolint Dockerfile"]
)
def test_the_checkers_find_nothing(command):
    done = subprocess.run(command.split(), cwd=CLUSTER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Jobs:
    """Ray's job server as far as it is asked here: every job runs for ever, and its log is over."""

    def __init__(self):
        self.jobs = []

    def list_jobs(self):
        return self.jobs

    def submit_job(self, entrypoint, metadata, runtime_env):
        status = SimpleNamespace(is_terminal=lambda: False)
        self.jobs.append(
            SimpleNamespace(submission_id=f"j{len(self.jobs)}", metadata=metadata, status=status)
        )
        return self.jobs[-1].submission_id


@pytest.mark.parametrize("drivers", [1, 3])
def test_a_ray_job_is_started_for_each_driver_and_then_found_again(tmp_path, monkeypatch, drivers):
    jobs, followed = Jobs(), []

    async def follow(client, job):
        followed.append(job)

    monkeypatch.setattr(ray_place, "_client", lambda address: jobs)
    monkeypatch.setattr(ray_place, "_follow", follow)
    monkeypatch.setattr(ray_place, "_end", lambda client, job: 0)
    data = yaml.safe_load((ROOT / "sweeps/python.yaml").read_text())
    data["search"]["storage"] = "postgresql+pg8000://kdray@db/kdray"
    data["resources"] = {"drivers": drivers}
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(data))
    asked = request(str(tmp_path / "sweep.yaml"), folder="/shared", address="http://127.0.0.1:8265")
    for _ in range(drivers + 2):
        done = ray_place.submit(asked, ray_place.render(asked))
        assert (done.jobs, done.exit_code) == ((followed[-1],), 0)
    assert len(jobs.jobs) == drivers
    assert followed == [f"j{number}" for number in range(drivers)] + ["j0", "j0"]
