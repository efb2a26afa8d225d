"""The command line of a benchmark that takes numbers only."""

from __future__ import annotations

import argparse


def parsed(name: str, doc: str | None, **defaults: int) -> list[int]:
    """The numbers that `python -m benchmarks.<name>` was given, in the order of their `defaults`."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=(doc or "").splitlines()[0])
    for number, default in defaults.items():
        parser.add_argument(number, type=int, nargs="?", default=default, help=f"Default: {default}")
    return list(vars(parser.parse_args()).values())
