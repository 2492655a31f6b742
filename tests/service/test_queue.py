import threading

import pytest

from lumaflux.service.queue import CancelledError, Job, JobQueue, QueueClosedError, QueueFullError


class Record:
    """Jobs that write down what becomes of them."""

    def __init__(self, queue):
        self.queue, self.ended = queue, []

    def put(self, name, priority="final", work=None):
        job = Job(work or (lambda job: name), lambda *end: self.ended.append((name, *end)), priority)
        self.queue.put(job)
        return job

    def run_all(self):
        while self.queue.run_next(0):
            pass
        return [name for name, *_ in self.ended]


@pytest.fixture
def record():
    return Record(JobQueue(capacity=10))


def test_interactive_before_final_before_thumbnail_and_first_come_first_served(record):
    for name, priority in [
        ("t", "thumbnail"),
        ("f1", "final"),
        ("i1", "interactive"),
        ("f2", "final"),
        ("i2", "interactive"),
    ]:
        record.put(name, priority)
    assert record.run_all() == ["i1", "i2", "f1", "f2", "t"]
    assert [result for _, result, _ in record.ended] == ["i1", "i2", "f1", "f2", "t"]


def test_a_waiting_job_is_cancelled_at_once(record):
    job = record.put("a")
    record.put("b")
    record.queue.cancel(job)
    assert [(name, type(failure)) for name, _, failure in record.ended] == [("a", CancelledError)]
    assert record.run_all() == ["a", "b"]


def test_a_running_job_ends_at_its_next_check(record):
    started, steps = threading.Event(), []

    def work(job):
        started.set()
        for step in range(10_000):
            steps.append(step)
            threading.Event().wait(0.001)
            job.check()

    job = record.put("long", work=work)
    thread = threading.Thread(target=record.queue.run_next)
    thread.start()
    started.wait()
    assert record.queue.busy
    record.queue.cancel(job)
    thread.join(5)
    assert isinstance(record.ended[0][2], CancelledError)
    assert len(steps) < 10_000
    assert not record.queue.busy


def test_a_job_that_is_done_stays_done(record):
    job = record.put("a")
    record.run_all()
    record.queue.cancel(job)
    assert record.ended == [("a", "a", None)]


def test_a_failure_reaches_its_job_and_the_next_one_runs(record):
    record.put("bad", work=lambda job: 1 / 0)
    record.put("good")
    assert record.run_all() == ["bad", "good"]
    assert isinstance(record.ended[0][2], ZeroDivisionError)


def test_capacity(record):
    for number in range(10):
        record.put(number)
    with pytest.raises(QueueFullError):
        record.put("one too many")
    assert record.queue.waiting == 10


def test_closing_lets_what_waits_run_and_takes_no_more(record):
    record.put("a")
    record.queue.close()
    with pytest.raises(QueueClosedError):
        record.put("b")
    assert record.run_all() == ["a"]
    assert record.queue.closed


def test_dropping_ends_what_waits(record):
    record.put("a")
    record.queue.close(drop=True)
    assert isinstance(record.ended[0][2], QueueClosedError)
    assert not record.queue.run_next()
