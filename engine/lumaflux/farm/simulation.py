"""How long a film takes on a farm that fails: discrete events from measured frame times."""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Farm:
    """``nodes`` take chunks of ``chunk`` frames; a node loads the model in ``load_s`` and dies, on average, after
    ``mean_life_s`` of running (None: never), to be back after ``repair_s`` with the model to load again.

    ``resume``: finished frames of a chunk are kept when its node dies, as they are in a job's folder; without it the
    chunk begins anew.
    """

    nodes: int
    chunk: int = 24
    load_s: float = 10.0
    mean_life_s: float | None = None
    repair_s: float = 600.0
    resume: bool = True


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Seconds. ``lost_s``: work done twice; ``idle_s``: nodes without work at the end; ``deaths`` of nodes."""

    makespan_s: float
    work_s: float
    lost_s: float
    idle_s: float
    deaths: int

    @property
    def efficiency(self) -> float:
        """Of all node seconds, those that became frames."""
        total = self.work_s + self.lost_s + self.idle_s
        return self.work_s / total if total else 1.0


def simulate(frames: int, frame_times_s: Sequence[float], farm: Farm, seed: int = 0) -> Outcome:
    """One run: every frame takes a measured time, drawn anew; nodes die by an exponential law. The same for the same
    ``seed``. Raises ValueError for no frames, times or nodes."""
    if frames < 1 or farm.nodes < 1 or farm.chunk < 1 or not frame_times_s:
        raise ValueError("A farm needs frames, frame times, nodes and chunks of at least one frame.")
    dice = random.Random(seed)
    chunks = [min(farm.chunk, frames - start) for start in range(0, frames, farm.chunk)]
    chunks.reverse()
    ready = [(0.0, node, True) for node in range(farm.nodes)]  # when a node is free, and whether it has to load
    heapq.heapify(ready)
    dies = [_life(dice, farm, 0.0) for _ in range(farm.nodes)]
    work = lost = makespan = 0.0
    deaths = 0
    finished = [0.0] * farm.nodes
    while chunks:
        now, node, loads = heapq.heappop(ready)
        if dies[node] <= now:  # it died while it waited
            deaths += 1
            begin = dies[node] + farm.repair_s
            dies[node] = _life(dice, farm, begin)
            heapq.heappush(ready, (max(now, begin), node, True))
            continue
        size, time, done = chunks.pop(), now + (farm.load_s if loads else 0.0), 0
        spent = 0.0
        while done < size and time < dies[node]:
            took = dice.choice(frame_times_s)
            if time + took > dies[node]:
                lost += max(0.0, dies[node] - time)
                break
            time += took
            spent += took
            done += 1
        if done == size:
            work += spent
            finished[node] = time
            makespan = max(makespan, time)
            heapq.heappush(ready, (time, node, False))
            continue
        deaths += 1
        if farm.resume:
            work += spent
            chunks.append(size - done)
        else:
            lost += spent
            chunks.append(size)
        begin = dies[node] + farm.repair_s
        dies[node] = _life(dice, farm, begin)
        heapq.heappush(ready, (begin, node, True))
    idle = sum(makespan - end for end in finished)
    return Outcome(makespan_s=makespan, work_s=work, lost_s=lost, idle_s=idle, deaths=deaths)


def _life(dice: random.Random, farm: Farm, begin: float) -> float:
    return float("inf") if farm.mean_life_s is None else begin + dice.expovariate(1 / farm.mean_life_s)
