"""Questions on a terminal, in the manner of Django's questioner."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, _ArgumentGroup

from medusa_migrations import conf
from medusa_migrations.messages import N_


def add_no_input(parser: ArgumentParser | _ArgumentGroup) -> None:
    parser.add_argument("--no-input", "--noinput", action="store_false", dest="interactive", help=N_("Ask nothing."))


def can_ask() -> bool:
    """Whether a question would be seen and answered: on a terminal, and not in the middle of tests."""
    on_terminal = all(stream and not stream.closed and stream.isatty() for stream in (sys.stdin, sys.stderr))
    return on_terminal and not conf.is_testing()


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
