"""What has to be done at the end of a proof whatever has happened, and how a failure of that is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from medusa_migrations.errors import DatabaseError, MigrationError
from medusa_migrations.messages import N_, joined


@contextmanager
def ended(end: Callable[[], str | None], kept: Callable[[], str | None] = lambda: None) -> Iterator[None]:
    """Call `end` at the end, which tells in words if something is left.

    That is raised as DatabaseError; an error from within stays, and says it too, or what is `kept` as was asked.
    """
    try:
        yield
    except BaseException as error:
        if told := end() or kept():
            tell(error, told)
        raise
    if left := end():
        raise DatabaseError(left)


def kept_words(name: str) -> str:
    """That the scratch database `name` stays, as was asked."""
    return N_("The scratch database {name!r} is kept as it is. Drop it when you have looked.", name=name)


def tell(error: BaseException, more: str) -> None:
    """Have an error say `more` at its end; one that is no message of ours carries it as a note."""
    if isinstance(error, MigrationError):
        error.args = (joined("\n", [error.args[0], more]), *error.args[1:])
    else:
        error.add_note(more)
