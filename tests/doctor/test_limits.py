"""What control groups leave to a process, on made-up file systems of both versions."""

import pytest

from kdray.doctor.limits import Limit, available_bytes, cpu_quotas, memory_limits


@pytest.fixture
def tree(tmp_path):
    """Writes files below a folder; gives the folders of groups and processes."""

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "groups", tmp_path / "proc"

    return write


def test_version_two_is_read_in_the_own_group_and_all_above(tree):
    where = tree(
        proc__self__cgroup="0::/jobs/mine\n",
        groups__jobs__mine__cpu_dot_max="150000 100000\n",
        groups__jobs__cpu_dot_max="max 100000\n",
        groups__jobs__mine__memory_dot_max="max\n",
        groups__jobs__mine__memory_dot_current="7\n",
        groups__jobs__memory_dot_max="4000\n",
        groups__jobs__memory_dot_current="3000\n",
        groups__jobs__memory_dot_stat="anon 1\ninactive_file 500\n",
    )
    assert list(cpu_quotas(*where)) == [1.5]
    assert list(memory_limits(*where)) == [Limit(4000, 2500)]


def test_version_one_is_read_where_its_controllers_are(tree):
    where = tree(
        proc__self__cgroup="5:cpu,cpuacct:/a\n4:memory:/b\n0::/\n",
        groups__cpu__a__cpu_dot_cfs_quota_us="50000\n",
        groups__cpu__a__cpu_dot_cfs_period_us="100000\n",
        groups__cpu__cpu_dot_cfs_quota_us="-1\n",
        groups__cpu__cpu_dot_cfs_period_us="100000\n",
        groups__memory__b__memory_dot_limit_in_bytes="9000\n",
        groups__memory__b__memory_dot_usage_in_bytes="100\n",
        groups__memory__b__memory_dot_stat="inactive_file 1\ntotal_inactive_file 40\n",
    )
    assert list(cpu_quotas(*where)) == [0.5]
    assert list(memory_limits(*where)) == [Limit(9000, 60)]


def test_a_container_s_own_group_is_the_root(tree):
    where = tree(
        proc__self__cgroup="0::/../../other\n",
        groups__memory_dot_max="10\n",
        groups__memory_dot_current="4\n",
    )
    assert list(memory_limits(*where)) == [Limit(10, 4)]


def test_without_groups_nothing_is_limited(tmp_path):
    assert list(cpu_quotas(tmp_path, tmp_path)) == []
    assert list(memory_limits(tmp_path, tmp_path)) == []
    assert available_bytes(tmp_path) is None


def test_available_memory_is_that_of_the_machine(tree):
    _, proc = tree(proc__meminfo="MemTotal: 9 kB\nMemAvailable:       3 kB\n")
    assert available_bytes(proc) == 3072
