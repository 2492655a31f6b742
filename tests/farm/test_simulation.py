"""The simulated farm against what arithmetic says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumaflux.farm.simulation import Farm, simulate


def test_one_node_does_all_one_after_the_other():
    outcome = simulate(100, [2.0], Farm(nodes=1, chunk=7, load_s=10))
    assert (outcome.makespan_s, outcome.work_s, outcome.lost_s, outcome.deaths) == (210.0, 200.0, 0.0, 0)


def test_nodes_share():
    outcome = simulate(1000, [1.0], Farm(nodes=10, chunk=10, load_s=5))
    assert outcome.makespan_s == pytest.approx(105)
    assert outcome.efficiency == 1.0


def test_more_nodes_than_chunks_help_no_more():
    assert simulate(100, [1.0], Farm(nodes=4, chunk=25, load_s=0)).makespan_s == 25
    assert simulate(100, [1.0], Farm(nodes=400, chunk=25, load_s=0)).makespan_s == 25


def test_resuming_loses_less():
    farm = {"nodes": 20, "chunk": 50, "mean_life_s": 400.0, "repair_s": 60.0}
    kept = [simulate(5000, [1.0, 2.0], Farm(**farm), seed) for seed in range(5)]
    anew = [simulate(5000, [1.0, 2.0], Farm(**farm, resume=False), seed) for seed in range(5)]
    assert sum(o.lost_s for o in kept) < 0.1 * sum(o.lost_s for o in anew)
    assert sum(o.makespan_s for o in kept) < sum(o.makespan_s for o in anew)
    assert all(o.deaths > 10 for o in kept)
    # at most the frame at work is lost with a node
    assert all(o.lost_s <= 2.0 * o.deaths for o in kept)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 400),
    st.integers(1, 30),
    st.integers(1, 40),
    st.one_of(st.none(), st.floats(50, 5000)),
    st.booleans(),
)
def test_all_frames_are_made_whatever_dies(frames, nodes, chunk, life, resume):
    farm = Farm(nodes=nodes, chunk=min(chunk, 20), load_s=1.0, mean_life_s=life, repair_s=10.0, resume=resume)
    outcome = simulate(frames, [1.0], farm)
    assert outcome.work_s == pytest.approx(frames)
    assert outcome.makespan_s >= frames / nodes
    assert outcome == simulate(frames, [1.0], farm)


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"frame_times_s": []}, {"nodes": 0}])
def test_nothing_to_simulate(wrong):
    words = {"frames": 10, "frame_times_s": [1.0], "nodes": 1, **wrong}
    with pytest.raises(ValueError, match="A farm needs"):
        simulate(words["frames"], words["frame_times_s"], Farm(nodes=words["nodes"]))
