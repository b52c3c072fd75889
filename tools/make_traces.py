#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes control/placement/traces/*.csv: what four workloads of different character use of a node's cores (in mcore), every 5 minutes for 4 weeks from a
Monday's midnight, as a function of a seed alone. An empty cell: the sample could not be had. docs/forecast.md says what each of them stands for.

    make_traces.py [--seed N] [--out FOLDER]"""
import argparse
import math
import os
import random

PERIOD_S, DAYS = 300, 28
A_DAY = 86400 // PERIOD_S
N = DAYS * A_DAY


def clock(i):
    """Hour of the day, day of the week (0: Monday), day."""
    return i % A_DAY * 24 / A_DAY, i // A_DAY % 7, i / A_DAY


class Noise:
    """First-order autoregressive: remembers `keep` of itself each sample; sd in the long run."""

    def __init__(self, rng, sd, keep):
        self.rng, self.keep, self.sd, self.value = rng, keep, sd * math.sqrt(1 - keep * keep), 0.0

    def __next__(self):
        self.value = self.keep * self.value + self.rng.gauss(0, self.sd)
        return self.value


def hump(hour, middle, width):
    apart = min(abs(hour - middle), 24 - abs(hour - middle))
    return math.exp(-0.5 * (apart / width) ** 2)


def daily(rng):
    """People's working day: two humps, the same each day but for its height; noise that lasts a quarter of an hour, and noise of the reading."""
    drift, height = Noise(rng, 140, 0.7), [rng.gauss(1, 0.06) for _ in range(DAYS)]
    for i in range(N):
        hour, _, day = clock(i)
        people = 2200 * hump(hour, 10.5, 2.6) + 1700 * hump(hour, 15.5, 2.4) + 500 * hump(hour, 21, 1.5)
        yield 900 + height[int(day)] * people + next(drift) + rng.gauss(0, 60)


def bursty(rng):
    """A shop: busier on some days of the week, evenings on top; bursts by chance, the more the busier it is, tall ones rarely, die away in half an hour."""
    week, slow, burst = (0.7, 0.6, 0.6, 0.8, 1.1, 1.7, 1.5), Noise(rng, 120, 0.95), 0.0
    for i in range(N):
        hour, weekday, _ = clock(i)
        busy = week[weekday] * (0.25 + 0.6 * hump(hour, 13, 3.5) + 0.9 * hump(hour, 20, 2))
        burst *= math.exp(-PERIOD_S / 1500)
        if rng.random() < 0.05 * busy:
            burst += 500 * min(rng.paretovariate(1.8), 12)
        yield 500 + 2600 * busy + next(slow) + burst + rng.gauss(0, 70)


def ramp(rng):
    """A service that gains users; its tenth day brings a release that takes a third less, its nineteenth a campaign, its twenty-fourth the campaign's end."""
    level, walk = 1500.0, Noise(rng, 90, 0.9)
    for i in range(N):
        hour, _, day = clock(i)
        rise = 55 if day < 10 else 20 if day < 19 else 330 if day < 24 else -260
        level += rise / A_DAY
        if i == 10 * A_DAY + 130:
            level *= 0.66
        yield level + 120 * hump(hour, 14, 4) + next(walk) + rng.gauss(0, 35)


def machine(rng):
    """Machines' work: a batch at night, a job each hour, workers that are started and stopped by a queue at no time of their own; hardly any noise."""
    workers, late = 0, 0
    for i in range(N):
        hour, weekday, _ = clock(i)
        if i % A_DAY == 0:
            late = rng.choice((0, 0, 0, 1, 2)) / 12 # the batch waits for its data
        value = 400.0
        if 2 + late <= hour < (5.5 if weekday == 6 else 4.25) + late:
            value += 5200
        if i % 12 in (3, 4):
            value += 1500
        if rng.random() < 1 / 24: # two hours between changes
            workers = rng.choice((0, 1, 1, 2, 4))
        yield value + 700 * workers + rng.gauss(0, 25)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--out", default=os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "control/placement/traces"))
    args = ap.parse_args()
    for make in (daily, bursty, ramp, machine):
        rng = random.Random(f"{make.__name__} {args.seed}")
        values = [max(0, round(v)) for v in make(rng)]
        for length in (6, 24, *[1] * 12): # an agent that restarts, packets that are lost
            start = rng.randrange(N)
            values[start:start + length] = [""] * len(values[start:start + length])
        with open(os.path.join(args.out, f"{make.__name__}.csv"), "w") as f:
            f.write("time (s),cores (mcore)\n")
            f.writelines(f"{i * PERIOD_S},{v}\n" for i, v in enumerate(values))


if __name__ == "__main__":
    main()
