"""What also Django's own commands have of ours: a start without the collector, and errors as CommandError.

Django's `check`, and with it most commands, imports `migrate` and `makemigrations`: this imports little.
"""

from __future__ import annotations

import contextlib
import gc
import re
import signal
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from medusa_migrations.errors import Interrupted, MigrationError
from medusa_migrations.messages import N_

INTERRUPTED = 130

# A command that an error names and that is for one database, with what follows it up to the next.
_FOR_A_DATABASE = r"\b(migrate|migrations_(?:run|revert|show|repair))\b(?!:)((?:(?!\bmigrat)[^\n])*)"


@contextlib.contextmanager
def as_command_errors(options: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Raise CommandError for MigrationError: the user sees its message; a command's `options` tell for which place."""
    try:
        yield
    except MigrationError as error:
        from .console import printable

        ctrl_c = isinstance(error, Interrupted) and error.reason == signal.SIGINT.name
        text = _with_options(str(error), options or {})
        raise CommandError(printable(text), returncode=INTERRUPTED if ctrl_c else 1) from error


def _with_options(text: str, options: Mapping[str, Any]) -> str:
    """`text`, and where it names commands without the options for the same place, that they need these."""
    from medusa_migrations.database.destination import options_of

    same = options_of(options.get("database", "default"), options.get("fleet"), options.get("target"))
    found = re.findall(_FOR_A_DATABASE, text) if same else []
    names = dict.fromkeys(name for name, rest in found if not re.search(rf"{re.escape(same)}(?![\w-])", rest))
    if not names:
        return text
    return f"{text}\n" + N_("Add{options} to {commands}.", options=same, commands=", ".join(names))


class QuickStart(BaseCommand):
    """From the command line, a process of its own: what Django has loaded stays until its end.

    The collector need not look through all of it, neither now nor at the end: that is a fifth of the time of a run that
    has nothing to do.
    """

    def run_from_argv(self, argv: list[str]) -> None:
        gc.freeze()
        gc.set_threshold(50_000)
        try:
            super().run_from_argv(argv)
        finally:
            gc.freeze()
