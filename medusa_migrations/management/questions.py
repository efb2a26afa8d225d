"""Questions on a terminal, in the manner of Django's questioner."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, _ArgumentGroup


def add_no_input(parser: ArgumentParser | _ArgumentGroup) -> None:
    parser.add_argument("--no-input", "--noinput", action="store_false", dest="interactive", help="Ask nothing.")


def is_terminal() -> bool:
    """Whether a question would be seen, and could be answered."""
    return all(stream and not stream.closed and stream.isatty() for stream in (sys.stdin, sys.stderr))


def is_confirmed(question: str) -> bool:
    """Whether the answer is yes; by default it is no."""
    return answer(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def answer(question: str) -> str:
    """Asked on stderr, as stdout may be a file. Ctrl-D is as Ctrl-C."""
    sys.stderr.write(question)
    sys.stderr.flush()
    try:
        return input()
    except EOFError:
        raise KeyboardInterrupt from None
