"""A checkpoint that somebody else wrote is read, never run; and nobody listens who need not."""

import pickle
import threading
from pathlib import Path

import pytest
import torch

from kdray.errors import DataError
from kdray.train import TrialRun, World, free_port
from kdray.train.engine import _store, read_checkpoint
from tests import world


class Payload:
    """Writes a file where it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.fixture
def saved(small_world, tmp_path):
    run = TrialRun(world.sweep(small_world).trial)
    run.next_rung()
    run.save(tmp_path / "checkpoint")
    yield run, tmp_path / "checkpoint"
    run.close()


def test_code_in_a_checkpoint_does_not_run(saved, tmp_path):
    run, checkpoint = saved
    mark = tmp_path / "ran"
    (states,) = (checkpoint / "rung").glob("*model_states.pt")
    torch.save({"module": Payload(mark)}, states)
    with pytest.raises(DataError, match="model_states"):
        run.load(checkpoint)
    states.write_bytes(pickle.dumps(Payload(mark)))
    with pytest.raises(DataError, match="model_states"):
        run.load(checkpoint)
    assert not mark.exists()


def test_a_damaged_checkpoint_is_one_line(saved):
    _, checkpoint = saved
    (states,) = (checkpoint / "rung").glob("*model_states.pt")
    states.write_bytes(states.read_bytes()[:100])
    with pytest.raises(DataError, match="no checkpoint of kdray's") as caught:
        read_checkpoint(str(states))
    assert "\n" not in str(caught.value)


def test_one_process_listens_nowhere():
    assert isinstance(_store(World()), torch.distributed.HashStore)


def test_several_meet_at_the_address_that_was_chosen_and_at_no_other():
    port = free_port("127.0.0.1")
    joined = []
    other = threading.Thread(target=lambda: joined.append(_store(World(1, 2, "127.0.0.1", port))))
    other.start()
    joined.append(_store(World(0, 2, "127.0.0.1", port)))
    other.join()
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    everywhere = Path("/proc/net/tcp6").read_text() if Path("/proc/net/tcp6").exists() else ""
    assert f"0100007F:{port:04X}" in listening
    assert f"00000000:{port:04X}" not in listening
    assert f"00000000000000000000000000000000:{port:04X} " not in everywhere
