"""Contenders in processes of their own that take turns, so that a machine whose speed drifts disturbs them alike."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import Any

UNCACHED = ("torch eager", "torch channels_last")  # these keep nothing on disk from one start to the next


class Contender:
    """A process of `benchmarks.contender`, which has carried out its first step once this returns.

    first: what it answered to that step; cold_seconds: from the start of the process until then.
    """

    def __init__(self, network: str, name: str, threads: int):
        self.name = name
        self.command = [sys.executable, "-m", "benchmarks.contender", network, name, str(threads)]
        start = time.perf_counter()
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.first = self.answer()
        self.cold_seconds = time.perf_counter() - start

    def turn(self, steps: int) -> dict[str, Any]:
        """Let it run a block of steps while all others wait: {"seconds", "loss", "peak"}."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a contender ended early: {' '.join(self.command)}")
        return json.loads(line)

    def stop(self) -> None:
        """End the process and wait for it."""
        self.process.communicate()


def race(network: str, names: list[str], threads: int, steps: int, turns: int) -> dict[str, dict[str, Any]]:
    """The raw figures of each contender: its blocks' seconds a step, all losses, cold start, memory in bytes."""
    contenders = []
    for name in names:
        if name not in UNCACHED:
            tell(f"{network}: {name} fills its cache on disk")
            Contender(network, name, threads).stop()
        tell(f"{network}: {name} starts")
        contenders.append(Contender(network, name, threads))
    figures: dict[str, dict[str, Any]] = {
        c.name: {"blocks": [], "losses": [c.first["loss"]], "cold_start_s": c.cold_seconds} for c in contenders
    }
    for number in range(-1, turns):  # turn -1 warms up
        for contender in contenders:
            found = contender.turn(steps)
            row = figures[contender.name]
            row["losses"].append(found["loss"])
            row["peak"] = found["peak"]
            if number >= 0:
                row["blocks"].append(found["seconds"] / steps)
        tell(f"{network}: turn {number + 1} of {turns}")
    for contender in contenders:
        contender.stop()
    print(file=sys.stderr)
    return figures


def tell(text: str) -> None:
    """Show what is going on, in place of what was shown before."""
    print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def times_faster(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios within each turn."""
    return statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
