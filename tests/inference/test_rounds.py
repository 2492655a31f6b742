import pytest
import torch

from lumaflux.inference.rounds import Rounds


def test_every_piece_reaches_its_pause_before_any_goes_beyond():
    rounds, seen = Rounds(), []

    def piece(index):
        for step in range(3):
            assert rounds.current == index
            seen.append((step, index))
            rounds.pause()
        return index * index

    assert rounds.run([lambda i=i: piece(i) for i in range(4)]) == [0, 1, 4, 9]
    assert seen == [(step, index) for step in range(3) for index in range(4)]


def test_one_piece_pauses_for_nobody():
    rounds = Rounds()
    assert rounds.run([lambda: (rounds.pause(), rounds.pause(), 5)[-1]]) == [5]


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_a_failure_ends_all_and_is_raised(bad):
    rounds, finished = Rounds(), []

    def piece(index):
        rounds.pause()
        if index == bad:
            raise KeyboardInterrupt("asked to end")
        rounds.pause()
        finished.append(index)

    with pytest.raises(KeyboardInterrupt, match="asked to end"):
        rounds.run([lambda i=i: piece(i) for i in range(3)])
    assert finished == []


def test_pieces_run_in_the_caller_s_inference_mode():
    work = [torch.is_inference_mode_enabled]
    with torch.inference_mode():
        assert Rounds().run(work) == [True]
    assert Rounds().run(work) == [False]
