"""Looks at the server before and behind a part, for what no transaction of the part's could take back."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction
from django.db.migrations import Migration as DjangoMigration

from medusa_migrations.database.session import Session
from medusa_migrations.run.task import Task
from medusa_migrations.sql.scanner import split
from medusa_migrations.sql.statements import outside_transaction

from .beyond import ChangesTheServer, HasChanged, has_changed, refuse_touched
from .server import State, changes, read_slots, read_state
from .server_wide import Roles, role_names

# What parts have changed that stays, each by its names: such a part is not run again, and fails as before.
Stays = dict[tuple[str, ...], list[str]]

_OF_INDEXES = {"CREATE INDEX CONCURRENTLY", "CREATE UNIQUE INDEX CONCURRENTLY", "DROP INDEX CONCURRENTLY"}

_Read = Callable[[Session], State]
_Failure = Callable[[list[str]], Exception]


class Beside:
    """Looks over `session`, which finds pg_catalog alone and runs no part.

    On a server of its own, which has `roles`, what parts make there is remembered; else they may change nothing.
    """

    def __init__(self, session: Session, roles: Roles | None, stays: Stays) -> None:
        self._session, self._roles, self._stays = session, roles, stays

    @contextlib.contextmanager
    def looking(self, *tasks: Task) -> Iterator[None]:
        """While `tasks` run; several share a transaction. Raises HasChanged.

        What a transaction can take back is the guard's; a replication slot outlives it. What only builds or drops
        indexes without one changes nothing there, and may take so long that others do.
        """
        first = tasks[0]
        if self._roles:
            with self._noting(self._roles):
                yield
        else:
            read = read_slots if first.transactional or _is_of_indexes(first) else read_state
            with self._comparing(read, (*first.id, first.direction), functools.partial(HasChanged, first.script)):
                yield

    @contextlib.contextmanager
    def looking_at_django(self, connection: Any, migration: DjangoMigration) -> Iterator[None]:
        """While one of Django's migrations runs over its `connection`. Raises ChangesTheServer."""
        name = (migration.app_label, migration.name)
        if self._roles:
            with self._noting(self._roles):
                yield
        elif migration.atomic:
            with self._comparing(read_slots, name, _of_django), transaction.atomic(connection.alias):
                yield
                refuse_touched(connection)
        else:
            with self._comparing(read_state, name, _of_django):
                yield

    @contextlib.contextmanager
    def _noting(self, roles: Roles) -> Iterator[None]:
        before = role_names(self._session)
        try:
            yield
        finally:
            roles.add(role_names(self._session) - before)

    @contextlib.contextmanager
    def _comparing(self, read: _Read, name: tuple[str, ...], failure: _Failure) -> Iterator[None]:
        if name in self._stays:
            raise failure(self._stays[name])
        before = read(self._session)
        try:
            yield
        except Exception as error:  # the author's code may raise any, and that tells less than what stays
            if found := self._changed(read, name, before):
                raise failure(found) from error
            raise
        if found := self._changed(read, name, before):
            raise failure(found)

    def _changed(self, read: _Read, name: tuple[str, ...], before: State) -> list[str]:
        found = changes(before, read(self._session))
        if found:
            self._stays[name] = found
        return found


def _is_of_indexes(task: Task) -> bool:
    sql = task.script.sql
    return task.function is None and {outside_transaction(one.words) for one in split(sql)} <= _OF_INDEXES


def _of_django(found: list[str]) -> ChangesTheServer:
    return ChangesTheServer(has_changed(found))
