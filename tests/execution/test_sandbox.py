import ctypes
import dataclasses
import errno
import json
import os
import pwd
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from kdray.execution import room, sandbox
from kdray.execution.confinement import CLONE_NEWPID, CLONE_NEWUSER, Limits
from kdray.execution.refused_calls import MACHINES
from kdray.execution.sandbox import Outcome, run, run_each

LIMITS = Limits(wall_seconds=60.0, cpu_seconds=20, memory_bytes=2**27, processes=16, file_bytes=2**20)
"""On a machine that is busy with something else a run takes as long as it takes."""
SHORT = dataclasses.replace(LIMITS, wall_seconds=1.0, cpu_seconds=1)
"""For what does not end by itself."""
NAMES = {
    one.__name__: one
    for one in (ctypes, errno, json, os, signal, socket, subprocess, sys, tempfile, threading, time)
}
"""Imported here: what only this process may read, the child cannot import."""


def hostile(source: str, limits: Limits = LIMITS, **names: object) -> Outcome:
    return run(lambda: exec(compile(source, "<assertion>", "exec"), NAMES | names), limits)  # noqa: S102


pytestmark = pytest.mark.skipif(
    run(lambda: None, LIMITS).ending == "refused", reason="this system grants no namespaces"
)


def test_what_returns_completes_and_its_output_is_kept() -> None:
    assert hostile("print('here', flush=True)") == Outcome("completed", output=b"here\n")


def test_an_assertion_that_fails_raises() -> None:
    assert hostile("assert 1 == 2, 'unequal'") == Outcome("raised", "AssertionError", "unequal")


def test_an_endless_loop_is_stopped() -> None:
    assert hostile("while True: pass", SHORT).ending in ("time", "killed")
    assert hostile("time.sleep(60)", SHORT).ending == "time"


def test_a_fork_bomb_meets_its_limit_and_leaves_nothing_behind() -> None:
    outcome = hostile("while True: os.fork()", SHORT)
    assert (outcome.ending, outcome.error) in (("raised", "BlockingIOError"), ("time", ""))


def test_what_was_started_ends_with_the_run() -> None:
    command = ["/bin/sleep", "61.25"]
    outcome = hostile("subprocess.Popen(command, start_new_session=True)", command=command)
    assert outcome.ending == "completed"
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [line for line in lines if b"61.25" in line]


def test_memory_is_bounded() -> None:
    assert hostile("bytearray(2**31)").ending == "memory"


def test_a_file_outside_is_neither_removed_nor_written(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_text("as it was")
    for source in ("os.remove(file)", "open(file, 'w')", "open(file.with_name('new'), 'w')"):
        assert hostile(source, file=file).error in ("OSError", "PermissionError")
    assert file.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [file]


def test_where_anybody_may_write_it_may_not() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        file = Path(folder) / "kept"
        file.touch()
        assert hostile("os.remove(file)", file=file).message.startswith("[Errno 30] Read-only file system")
        assert hostile("open(file, 'w')", file=file).message.startswith("[Errno 30] Read-only file system")
        assert file.exists()


def test_its_own_folder_is_empty_writable_and_small() -> None:
    assert hostile("assert os.listdir() == []; open('a', 'w').write('b')").ending == "completed"
    assert tempfile.gettempdir()  # which the module remembers
    assert hostile("with tempfile.TemporaryFile('w') as file: file.write('a')") == Outcome("completed")
    full = hostile("for i in range(9): open(str(i), 'wb').write(bytes(2**19))")
    assert (full.ending, full.error) == ("raised", "OSError")


def test_there_is_no_network() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        # Bytes: a name as text needs an encoding that may not be imported yet, and cannot be by `nobody`.
        outcome = hostile("socket.create_connection((b'127.0.0.1', port), 1)", port=server.getsockname()[1])
    assert (outcome.ending, outcome.error) == ("raised", "OSError")


def test_the_environment_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    outcome = hostile("assert set(os.environ) == {'HOME', 'TMPDIR', 'PATH', 'LANG'}")
    assert outcome.ending == "completed"


@pytest.mark.parametrize(
    ("source", "ending", "error"),
    [
        ("sys.exit(0)", "raised", "SystemExit"),
        ("os._exit(0)", "exited", ""),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "killed", "SIGSEGV"),
        ("def deep(): deep()\ndeep()", "raised", "RecursionError"),
        ("threading.Thread(target=time.sleep, args=(60,)).start()", "completed", ""),
    ],
)
def test_ways_out_are_named(source: str, ending: str, error: str) -> None:
    outcome = hostile(source)
    assert (outcome.ending, outcome.error) == (ending, error)


def test_killing_its_own_group_ends_the_run_alone() -> None:
    # Whether the keeper dies first is chance; the caller has a group of its own either way.
    assert hostile("os.killpg(0, signal.SIGKILL)").ending in ("killed", "exited")


def test_signal_handlers_do_not_keep_a_run_alive() -> None:
    ignoring = (
        "for one in (signal.SIGTERM, signal.SIGXCPU, signal.SIGINT): signal.signal(one, signal.SIG_IGN)\n"
    )
    assert hostile(ignoring + "time.sleep(60)", SHORT).ending == "time"


def test_a_gigabyte_of_output_is_cut() -> None:
    outcome = hostile("for _ in range(1024): os.write(1, bytes(2**20))")
    assert outcome.ending == "output"
    assert len(outcome.output) == LIMITS.output_bytes


def test_what_cannot_be_confined_is_refused_unless_unsafe(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_namespaces() -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(sandbox, "isolate", no_namespaces)
    assert run(lambda: None, LIMITS).ending == "refused"
    assert run(lambda: None, LIMITS, unsafe=True).ending == "completed"


def test_what_can_be_confined_by_half_alone_runs_where_it_is_called_unsafe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def half() -> None:
        assert ctypes.CDLL(None).unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0
        raise PermissionError(1, "Operation not permitted")

    def refused(home: str, limits: Limits) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(sandbox, "isolate", half)
    monkeypatch.setattr(room, "empty", refused)
    assert run(lambda: None, LIMITS, unsafe=True).ending == "completed"


def test_where_few_files_may_be_open_it_runs() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        assert hostile("print('here')") == Outcome("completed", output=b"here\n")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_it_cannot_write_to_a_terminal() -> None:
    ours, theirs = os.openpty()
    name = os.ttyname(theirs)
    os.chmod(name, 0o666)  # noqa: S103 - as an ordinary user's is to what that user runs
    assert hostile("os.open(name, os.O_WRONLY)", name=name).error == "FileNotFoundError"
    assert hostile("assert os.listdir('/dev/pts') == ['ptmx']") == Outcome("completed")
    os.close(ours)
    os.close(theirs)


@pytest.mark.skipif(os.uname().machine not in MACHINES, reason="numbers of its calls are not known")
def test_calls_that_reach_beyond_a_run_are_refused() -> None:
    source = """
libc = ctypes.CDLL(None, use_errno=True)
for number, *given in calls:
    assert libc.syscall(*map(ctypes.c_long, (number, *given))) == -1, number
    assert ctypes.get_errno() in (errno.EPERM, errno.ENOSYS), (number, ctypes.get_errno())
for family in (socket.AF_UNIX, socket.AF_NETLINK, 40):
    try:
        socket.socket(family, socket.SOCK_STREAM if family != socket.AF_NETLINK else socket.SOCK_RAW)
    except OSError as error:
        assert error.errno == errno.EAFNOSUPPORT, family
    else:
        raise AssertionError(family)
socket.socketpair()
socket.socket(socket.AF_INET6)
"""
    machine = MACHINES[os.uname().machine]
    shared = [(number, 0x10000000, 0, 0, 0) for number in machine.refused]
    calls = [*shared, (machine.clone, 0x10000000 | 17, 0, 0, 0, 0), (machine.clone3, 0, 0)]
    assert hostile(source, calls=calls) == Outcome("completed")


def test_it_cannot_make_a_mount_writable_again() -> None:
    source = """
attributes = (ctypes.c_uint64 * 4)(0, 1, 0, 0)
libc = ctypes.CDLL(None, use_errno=True)
assert libc.syscall(442, -100, b"/", 0, attributes, ctypes.c_long(32)) == -1
assert ctypes.get_errno() == errno.EPERM, ctypes.get_errno()
"""
    assert hostile(source) == Outcome("completed")


def each(*sources: str, limits: Limits = LIMITS, **names: object) -> list[Outcome]:
    def call(source: str) -> None:
        exec(compile(source, "<assertion>", "exec"), NAMES | names)  # noqa: S102

    return run_each([partial(call, source) for source in sources], limits)


def test_of_many_runs_each_is_told_in_its_order_whatever_the_others_do() -> None:
    outcomes = each("print(1)", "assert False", "os._exit(0)", "while True: pass", "print(2)", limits=SHORT)
    assert [(one.ending, one.output) for one in outcomes if one.ending != "killed"] in (
        [("completed", b"1\n"), ("raised", b""), ("exited", b""), ("time", b""), ("completed", b"2\n")],
        [("completed", b"1\n"), ("raised", b""), ("exited", b""), ("completed", b"2\n")],
    )


def test_a_run_finds_nothing_of_the_one_before() -> None:
    leave = (
        "os.mkdir('deep'); open('deep/a', 'w').write('b'); os.chmod('deep', 0)\n"
        "os.environ['LEFT'] = '1'; sys.left = 1; os.chdir('/')\n"
        "subprocess.Popen(['/bin/sleep', '62.25'], start_new_session=True)\n"
    )
    look = (
        "assert os.listdir() == [] and 'LEFT' not in os.environ and not hasattr(sys, 'left')\n"
        "for process in filter(str.isdigit, os.listdir('/proc')):\n"
        "    try:\n"
        "        line = open(f'/proc/{process}/cmdline', 'rb').read()\n"
        "    except OSError:\n"
        "        continue  # it has ended\n"
        "    assert b'62.25' not in line\n"
    )
    assert [one.ending for one in each(leave, look)] == ["completed", "completed"]


@pytest.mark.parametrize(
    "source",
    [
        "os.kill(1, signal.SIGKILL)",
        "os.kill(1, signal.SIGSTOP)",
        "os.kill(os.getppid(), signal.SIGTERM)",
        "os.kill(-1, signal.SIGKILL)",
        "os.closerange(0, 100)",
        "os.write(3, b'[]\\n')",
        'os.write(3, b\'{"ending": [1], "error": 2}\\n\' * 3)',
        'for fd in range(3, 64):\n    try: os.write(fd, b\'{"ending": "completed", "output": ""}\\n\' * 9)\n'
        "    except OSError: pass",
        "assert ctypes.CDLL(None).ptrace(16, 1, 0, 0) == -1",
    ],
)
def test_a_run_does_not_end_or_speak_for_the_ones_behind_it(source: str) -> None:
    _, second, third = each(source, "print('second')", "assert False")
    assert second == Outcome("completed", output=b"second\n")
    assert (third.ending, third.error) == ("raised", "AssertionError")


def test_the_memory_of_no_other_process_can_be_written() -> None:
    source = """
written = []
for process in os.listdir("/proc"):
    if process.isdigit() and process != os.readlink("/proc/self"):
        try:
            written.append(os.open(f"/proc/{process}/mem", os.O_RDWR))
        except OSError:
            pass
assert not written, written
"""
    assert hostile(source) == Outcome("completed")


@pytest.mark.parametrize(
    ("source", "ending", "error"),
    [
        ("os.write(3, b'{\"ending\": \"completed\"}\\n')\nassert False", "raised", "AssertionError"),
        ("os.write(3, b'{\"ending\": \"completed\"}\\n')\nos._exit(0)", "exited", ""),
        ("os.write(3, b'half a line')", "completed", ""),
        ("json.dumps = lambda *a: '{\"ending\": \"completed\"}'\nassert False", "raised", "AssertionError"),
        ("json.dumps = os.write = os.getpid = os._exit = lambda *a: 'put in their place'", "completed", ""),
        ("class Kind(AssertionError): pass\nraise Kind", "raised", "AssertionError"),
        ("class Kind(Exception): __class__ = AssertionError\nraise Kind", "raised", "Kind"),
        ("class Kind(Exception):\n    def __str__(self): raise Kind\nraise Kind", "raised", "Kind"),
        ("class Kind(Exception):\n    def __str__(self): os._exit(0)\nraise Kind", "exited", ""),
        ("def trace(*a): raise ValueError\nsys.settrace(trace)", "exited", ""),
        ("sys.stdin.read(1) or input()", "raised", "EOFError"),
        ("ctypes.string_at(0)", "killed", "SIGSEGV"),
        ("import threading\nthreading.Thread(target=os._exit, args=(0,)).start()\ntime.sleep(60)", "exited", ""),
        ("if os.fork() == 0: raise ValueError", "completed", ""),
        ("os.execv('/bin/true', ['true'])", "exited", ""),
    ],
)  # fmt: skip
def test_what_a_run_says_of_itself_is_what_came_of_it(source: str, ending: str, error: str) -> None:
    outcome = hostile(source)
    assert (outcome.ending, outcome.error) == (ending, error)


@pytest.mark.parametrize(
    "source",
    [
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\ntime.sleep(60)",
        "os.kill(os.getpid(), signal.SIGSTOP)",
        "10**10**9",
        "class Kind(Exception):\n    def __str__(self):\n        while True: pass\nraise Kind",
        "os.mkfifo('pipe')\nopen('pipe')",
        "if os.fork(): time.sleep(60)",
    ],
)
def test_what_waits_or_counts_where_no_signal_comes_is_ended(source: str) -> None:
    outcome = hostile(source, SHORT)
    assert outcome.ending == "time" or (outcome.ending, outcome.error) == ("killed", "SIGKILL")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("for name in range(10**6): open(str(name), 'w').close()", errno.ENOSPC),
        ("kept = [os.open(os.devnull, os.O_RDONLY) for _ in range(10**6)]", errno.EMFILE),
        ("open('large', 'wb').write(bytes(2**21))", errno.EFBIG),
        ("read, write = os.pipe(); os.close(read); os.write(write, b'a')", errno.EPIPE),
    ],
)
def test_files_and_pipes_have_their_limits_and_say_so_as_python_does(source: str, said: int) -> None:
    outcome = hostile(source)
    assert outcome.ending == "raised"
    assert outcome.message.startswith(f"[Errno {said}]")


def test_an_interrupt_is_an_exception_as_it_is_elsewhere() -> None:
    outcome = hostile("os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)")
    assert (outcome.ending, outcome.error) == ("raised", "KeyboardInterrupt")


def test_where_memory_runs_out_a_run_is_ended_before_others() -> None:
    assert hostile("print(open('/proc/self/oom_score_adj').read(), end='')").output == b"1000\n"
    assert hostile("open('/proc/self/oom_score_adj', 'w')").ending == "raised"


def test_keys_in_the_users_home_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        for name in (".ssh/id", ".netrc", "plain"):
            Path(home, name).parent.mkdir(exist_ok=True)
            Path(home, name).write_text("a key")
        user = pwd.struct_passwd(("me", "", 1, 1, "", home, ""))
        monkeypatch.setattr(pwd, "getpwuid", lambda number: user)
        source = (
            "print(os.listdir(home + '/.ssh'), open(home + '/.netrc').read(), open(home + '/plain').read())"
        )
        assert hostile(source, home=home).output == b"[]  a key\n"
        assert Path(home, ".ssh", "id").read_text() == "a key"
