"""Builds in processes of their own, for test_dist_faults: `crash` kills them, `race` lets them meet.

Run as `python -m tests.support.dist_worker crash|race FOLDER ROUNDS`; FOLDER holds the sources `old` and `new`.
Prints JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from medusa_migrations.files import dist
from medusa_migrations.migration import Migration
from tests.support.builders import in_file


def sources(folder: Path, variant: str, count: int) -> list[Migration]:
    """Half of the migrations are the same in both variants."""
    return [
        in_file(folder / variant, f"blog.{number}", f"SELECT {number};" if number % 2 else f"SELECT '{variant}';" * 500)
        for number in range(1, count + 1)
    ]


def plain(migrations: Sequence[Migration]) -> list[tuple[object, ...]]:
    """All but where the text is."""
    return [(one.id, one.source, one.hash, one.checksum, one.up, one.down) for one in migrations]


def is_whole(migrations: Sequence[Migration]) -> bool:
    return all(hashlib.sha256(Path(one.file).read_bytes()).hexdigest() == one.hash for one in migrations)


def fork(target: Path, rounds: Sequence[Sequence[Migration]], seed: int) -> int:
    """A process that writes the builds `rounds`, one after the other."""
    pid = os.fork()
    if pid:
        return pid
    try:
        time.sleep(random.Random(seed).random() / 1000)
        for migrations in rounds:
            dist.write(target, migrations)
        os._exit(0)
    finally:
        os._exit(1)  # never back into the parent's code


def crash(folder: Path, rounds: int) -> dict[str, object]:
    """Kill a build at a random moment, again and again: what is there must be one of the two, and whole."""
    old, new = sources(folder, "old", 8), sources(folder, "new", 9)
    target, found, dirty = folder / "dist", Counter[str](), 0
    dist.write(target, old)
    start = time.monotonic()
    for _ in range(3):
        dist.write(target, new)
        dist.write(target, old)
    seconds = (time.monotonic() - start) / 3
    for seed in range(rounds):
        pid = fork(target, [new, old] * 100, seed)
        time.sleep(random.Random(-seed).random() * seconds)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        loaded = dist.load(target) or ()
        which = {str(plain(old)): "old", str(plain(new)): "new"}.get(str(plain(loaded)), "neither")
        found[which if is_whole(loaded) else "broken"] += 1
        dirty += len([path for path in target.rglob("*") if path.is_file()]) != len(loaded) + 1
    dist.write(target, new)
    left = sorted(path.name for path in target.rglob("*.*")) == sorted(
        [dist.MANIFEST, *(Path(one.file).name for one in dist.load(target) or ())]
    )
    return {"found": found, "dirty": dirty, "clean at the end": left}


def race(folder: Path, rounds: int) -> dict[str, object]:
    """Two processes build different sources while this one reads."""
    old, new = sources(folder, "old", 8), sources(folder, "new", 9)
    target, found = folder / "dist", Counter[str]()
    dist.write(target, old)
    running = {fork(target, [migrations] * rounds, seed) for seed, migrations in enumerate((old, new))}
    failed = 0
    while running:
        before = (target / dist.MANIFEST).stat()
        loaded = dist.load(target) or ()
        if str(plain(loaded)) not in (str(plain(old)), str(plain(new))):
            found["neither"] += 1
        try:
            found["whole" if is_whole(loaded) else "broken"] += 1
        except FileNotFoundError:
            after = (target / dist.MANIFEST).stat()
            moved_on = (before.st_ino, before.st_mtime_ns) != (after.st_ino, after.st_mtime_ns)
            found["replaced while reading" if moved_on else "lost"] += 1
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            running.discard(pid)
            failed += status != 0
    loaded = dist.load(target) or ()
    stale = len([path for path in target.rglob("*") if path.is_file()]) - len(loaded) - 1
    return {"found": found, "failed": failed, "whole at the end": is_whole(loaded), "stale": stale}


if __name__ == "__main__":
    what, folder, rounds = sys.argv[1:]
    print(json.dumps({"crash": crash, "race": race}[what](Path(folder), int(rounds))))
