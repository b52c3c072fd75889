#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stacks that lie (control/stack/mutant.h) against the sequences that judge stacks: each must be caught, and the stack blamed; the honest one passes.
usage: test_mutants.py [--all] [--honest N] [--jobs N] [--table]
Without options: each mutant against the sequence that is there to catch it, and the honest stack once. --all: against every sequence. --honest N: the honest
stack over N seeds. --table prints docs/mutants.md. --jobs: at once, else as many as there are cores. How far it is, is told on a terminal or with --all or --table."""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import time

from plumbtest import ROOT, SANITIZED, TEMP, artifacts, journal

BUILD = os.path.join(ROOT, os.environ.get("PLUMB_BUILD", "build"))
LIARS, HONEST = os.path.join(BUILD, "mutants", "plumb"), os.path.join(BUILD, "plumb")
SEQUENCES = ["hot-swap", "leak-response"] if SANITIZED else ["hot-swap", "leak-response", "failover", "thermal", "restart", "allocation", "migration", "reallocation",
                                                                "soak"]  # the others take minutes there
LONGEST = ("soak", "reallocation", "migration", "allocation")  # they start first, so that no core waits for one of them at the end
LIMIT_S = 300
# Which sequence is there for it; what else catches it is luck.
FOR = {"early-isolated": "hot-swap", "early-enabled": "hot-swap", "leak-late": "leak-response", "leak-early": "leak-response", "leak-never": "leak-response",
       "leak-anyway": "leak-response", "cable-dry": "leak-response", "event-dropped": "hot-swap", "event-repeated": "hot-swap", "event-reordered": "hot-swap",
       "stale-temperature": "thermal", "blind-power": "restart", "pump-forgotten": "failover", "psu-forgotten": "failover", "led-off": "hot-swap",
       "early-answer": "failover", "session-leaked": "hot-swap", "task-done": "hot-swap", "absent-kept": "hot-swap", "pumps-still": "thermal",
       "pumps-ratchet": "thermal", "trip-hidden": "thermal",
       "over-commit": "allocation", "workload-forgotten": "failover", "runs-twice": "migration", "replicas-together": "allocation", "priority-ignored": "allocation",
       "reservation-lost": "allocation", "moves-to-hot": "migration", "moves-without-need": "allocation", "redundancy-broken": "migration", "copy-skipped": "migration",
       "capacity-stale": "migration", "queue-starved": "allocation"}
SHORT = {"soak": ("--param", "hours=0.2")}  # what a test of stacks needs of it


def mutants():
    """Name and sentence of each row of PL_MUTANTS_LIST."""
    text = open(os.path.join(ROOT, "control/stack/mutant.h")).read()
    return dict(re.findall(r'X\([A-Z_]+, "([a-z-]+)", "([^"]+)"\)', text))


def run(program, sequence, name, *more):
    """(verdict, sentence): "passed", "caught", "wrong part", "not judged"."""
    folder = os.path.join(TEMP, "mutants", f"{name}-{sequence}")
    command = [program, "run", f"sequences/stack/{sequence}.lua", "--no-reports", "--out", folder, *SHORT.get(sequence, ()), *more]
    try:
        p = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        return "not judged", f"no end within {LIMIT_S} s"
    if p.returncode == 0:
        return "passed", ""
    if p.returncode != 1:
        return "not judged", (p.stderr.strip() or p.stdout.strip()[-300:]) + f" (exit {p.returncode})"
    first = next(d for d in artifacts(journal(folder), "diagnosis") if d["type"] == "FAIL")
    sentence = f"{first['verdict']}: {first.get('message', '')}"
    return ("caught" if first.get("hardwareInfoId") == "control-stack" else "wrong part"), sentence


def each(jobs, work, tell):
    """Runs (key, arguments) side by side, the longest sequences first; gives {key: (verdict, sentence)}."""
    start, results = time.monotonic(), {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(run, *args): key for key, args in sorted(work, key=lambda w: LONGEST.index(w[1][1]) if w[1][1] in LONGEST else len(LONGEST))}
        for f in concurrent.futures.as_completed(futures):
            results[futures[f]] = f.result()
            if tell:
                left = (time.monotonic() - start) * (len(work) - len(results)) / len(results)
                print(f"{len(results)} of {len(work)}: {' '.join(map(str, futures[f]))}: {f.result()[0]}; about {left:.0f} s left", file=sys.stderr, flush=True)
    return results


def say(good, name, why=""):
    print(f"ok {name}" if good else f"not ok {name}: {why}", flush=True)
    return good


def judge_mutants(results):
    good = True
    for name in [m for m in mutants() if FOR.get(m) in SEQUENCES]:
        mine = {s: r for (m, s), r in results.items() if m == name}
        caught = [s for s, r in mine.items() if r[0] == "caught"]
        bad = {s: r for s, r in mine.items() if r[0] in ("wrong part", "not judged")}
        why = "; ".join(f"{s}: {r[0]} {r[1][:160]}" for s, r in mine.items())
        good &= say(bool(caught) and not bad, f"the stack that {mutants()[name]} ({name}) is caught" + (f" by {', '.join(caught)}" if caught else ""), why)
    return good


def table(results):
    print("# Stacks that lie\n\nMade by `tests/test_mutants.py --all --table`: each lie of `control/stack/mutant.h` against each sequence of `sequences/stack`, seed 1. "
          "**x**: the sequence caught it and blamed the control stack.\n")
    print("| lie | what the stack does | " + " | ".join(SEQUENCES) + " |\n|---|---|" + "---|" * len(SEQUENCES))
    for name, sentence in mutants().items():
        cells = [{"caught": "**x**", "passed": "", "wrong part": "wrong part", "not judged": "?"}[results[name, s][0]] for s in SEQUENCES]
        print(f"| {name} | {sentence} | " + " | ".join(cells) + " |")
    print("\n## How each was caught first\n")
    for name in mutants():
        first = next(((s, results[name, s][1]) for s in [FOR.get(name), *SEQUENCES] if s and results[name, s][0] == "caught"), None)
        print(f"- {name}: " + (f"{first[0]}: {re.sub(r'; next: .*', '', first[1])}" if first else "not caught"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--honest", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    tell = args.all or args.table or sys.stderr.isatty()
    if not os.path.exists(LIARS):
        print(f"skip stacks that lie: {LIARS} is not built")
        return 0
    unknown = sorted(set(mutants()) ^ set(FOR))
    good = args.table or say(not unknown, "each lie has a sequence that is there for it", ", ".join(unknown))
    lies = [((m, s), (LIARS, s, m, "--stack-mutant", m)) for m in mutants() for s in SEQUENCES if args.all or args.table or FOR.get(m) == s]
    if args.table:
        table(each(args.jobs, lies, tell))
        return 0
    judged = [s for s in SEQUENCES if s != "soak" or args.all or args.honest > 1]  # what it asks, the others ask sooner
    honest = each(args.jobs, [((s, seed), (HONEST, s, f"honest-{seed}", "--seed", str(seed))) for s in judged for seed in range(1, args.honest + 1)], tell)
    for s in judged:
        bad = [f"seed {seed}: {r[0]} {r[1][:200]}" for (name, seed), r in honest.items() if name == s and r[0] != "passed"]
        good &= say(not bad, f"the honest stack passes {s} over {args.honest} seeds", f"{len(bad)} failed; " + "; ".join(bad[:5]))
    good &= judge_mutants(each(args.jobs, lies, tell))
    return 0 if good else 1


sys.exit(main())
