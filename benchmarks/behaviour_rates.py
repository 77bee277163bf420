"""How many events, and which head speed, are found at each sampling rate of simulated behaviour.

The traces are the simulation's own, without errors of reading. The reference counts events in the
same traces at 200 frames/s in a loop of its own.

    python benchmarks/behaviour_rates.py --people 60 --seconds 120
"""

import argparse

import numpy as np

from depmap_cli.behaviour.events import BLINK, BROW_RAISE, FROWN, SMILE, find_events
from depmap_cli.behaviour.head_and_gaze import head_speed
from depmap_cli.behaviour.readings import Readings
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.simulation.behaviour.interview import Behaviour, simulate_behaviour
from depmap_cli.simulation.behaviour.temperament import Temperament

RATES = (1, 2, 3, 4, 5, 8, 10, 12, 15, 25, 50)
REFERENCE_RATE = 200
KINDS = (SMILE, BROW_RAISE, FROWN, BLINK)


def simulated(person: int, seconds: float, rate: float) -> Behaviour:
    """The interview of one average person; the same events at any rate that divides ``seconds``."""
    return simulate_behaviour(
        np.random.default_rng(person), Temperament(), 15, "Freeform", seconds, rate
    )


def readings_of(behaviour: Behaviour, every: int = 1) -> Readings:
    """Return every ``every``-th frame as readings, the head's angles in the order of ANGLES."""
    yaw, pitch, roll = behaviour.pose[::every].T
    nothing = np.full(len(yaw), np.nan)
    return Readings(
        times=np.arange(len(behaviour))[::every] / behaviour.fps,
        action_units=np.clip(behaviour.au[::every], 0, 1).astype(float),
        angles=np.stack([pitch, yaw, roll, nothing, nothing], axis=1),
        rate=behaviour.fps / every,
    )


def count_events(trace: np.ndarray, rate: float, shortest: float, longest: float) -> list[float]:
    """Lengths in seconds of the events of a dense trace, (n,), by a loop over its frames."""
    lengths, length, has_peak = [], 0, False
    for value in [*trace, 0.0]:
        if value >= 0.3:
            length, has_peak = length + 1, has_peak or value >= 0.5
        elif length:
            if has_peak and shortest <= length / rate < longest:
                lengths.append(length / rate)
            length, has_peak = 0, False
    return lengths


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--seconds", type=int, default=120)
    options = parser.parse_args()
    codes = [unit.code for unit in ACTION_UNITS]
    truth = {kind.name: [] for kind in KINDS}
    found = {(kind.name, rate): [] for kind in KINDS for rate in RATES}
    speeds = {rate: [] for rate in RATES}
    for person in range(options.people):
        dense = simulated(person, options.seconds, REFERENCE_RATE)
        for kind in KINDS:
            trace = dense.au[:, [codes.index(code) for code in kind.units]].min(axis=1)
            truth[kind.name] += count_events(trace, REFERENCE_RATE, kind.shortest, kind.longest)
        for rate in RATES:
            readings = readings_of(simulated(person, options.seconds, rate))
            for kind in KINDS:
                found[kind.name, rate] += [e.seconds for e in find_events(readings, kind)]
            # The drift of the head depends on the rate, so it is one of 200 frames/s, thinned out.
            if REFERENCE_RATE % rate == 0:
                speed = head_speed(readings_of(dense, REFERENCE_RATE // rate))
                speeds[rate].append(np.nan if speed is None else speed)
    print("events found / events in the traces (mean length / mean length in the traces)")
    print("frames/s  " + "  ".join(f"{kind.plain:>16}" for kind in KINDS) + "  degrees/s")
    for rate in RATES:
        cells = []
        for kind in KINDS:
            lengths, true = found[kind.name, rate], truth[kind.name]
            ratio = np.mean(lengths) / np.mean(true) if lengths else np.nan
            cells.append(f"{len(lengths) / len(true):.3f} ({ratio:.2f})")
        speed = f"{np.mean(speeds[rate]):.2f}" if speeds[rate] else "-"
        print(f"{rate:8g}  " + "  ".join(f"{cell:>16}" for cell in cells) + f"  {speed:>9}")
    print("events in the traces:", {name: len(lengths) for name, lengths in truth.items()})


if __name__ == "__main__":
    main()
