import os
import signal

import pytest
import torch

from lumaflux.errors import FrameError, UserError
from lumaflux.lab.evaluation.workers import WorkersLostError, perform_all


class Square:
    """Squares; -1 is bad input, -2 a bug, -3 the end of the process."""

    def __init__(self, add):
        self.add = add

    def __call__(self, task, step):
        step()
        if task == -1:
            raise FrameError("one frame is bad")
        if task == -2:
            raise KeyError("bug")
        if task == -3:
            os.kill(os.getpid(), signal.SIGKILL)
        return task**2 + self.add, torch.get_num_threads()


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_has_its_result_and_every_step_is_counted(workers):
    steps = []
    before = torch.get_num_threads()
    found = dict(perform_all(Square, (1,), range(7), workers=workers, threads=1, step=lambda: steps.append(1)))
    assert found == {task: (task**2 + 1, 1) for task in range(7)}
    assert len(steps) == 7
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_user_comes_through(workers):
    with pytest.raises(FrameError, match="one frame is bad"):
        list(perform_all(Square, (0,), [-1, -1], workers=workers))


def test_a_bug_keeps_its_traceback():
    with pytest.raises(RuntimeError, match="KeyError: 'bug'"):
        list(perform_all(Square, (0,), [-2, -2], workers=2))


def test_a_killed_worker_loses_only_its_own_task():
    found = {}

    def collect():
        for task, result in perform_all(Square, (0,), [2, -3, 3, 4, 5], workers=2):
            found[task] = result[0]

    with pytest.raises(WorkersLostError, match=r"signal 9.*at -3; 1 tasks are left") as caught:
        collect()
    assert found == {2: 4, 3: 9, 4: 16, 5: 25}
    assert caught.value.exit_code == 3


def test_when_all_workers_are_killed_the_rest_is_left():
    with pytest.raises(WorkersLostError, match=r"2 workers .* 3 tasks are left"):
        list(perform_all(Square, (0,), [-3, -3, 4], workers=2))


def test_no_workers_cannot_work():
    with pytest.raises(UserError, match="0 workers"):
        list(perform_all(Square, (0,), [1], workers=0))
