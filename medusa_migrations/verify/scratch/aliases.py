"""Another database in the place of an alias's own, as Django's test runner has it, and no way to any other."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from medusa_migrations.errors import DatabaseError
from medusa_migrations.messages import N_

# What DATABASES says of where a database is, and as whom.
_WHERE = ("NAME", "HOST", "PORT", "USER", "PASSWORD", "OPTIONS")

# Aliases are the process's own, so only one proof at a time can have them.
_ONE = threading.Lock()


def same_database(alias: str) -> list[str]:
    """The alias itself, first, then those that lead to the same database, or in tests stand for one that does."""
    place = _place(alias)
    found = [alias, *(one for one in connections if one != alias and _place(one) == place)]
    return found + [one for one in connections if one not in found and _mirrored(one) in found]


def _place(alias: str) -> tuple[Any, ...]:
    settings = connections.settings[alias]
    service = settings["OPTIONS"].get("service")
    return (service, settings["HOST"], str(settings["PORT"]) or "5432", settings["NAME"])


def _mirrored(alias: str) -> str | None:
    mirrored: str | None = connections.settings[alias]["TEST"]["MIRROR"]
    return mirrored


@contextlib.contextmanager
def pointed(aliases: Sequence[str], name: str) -> Iterator[None]:
    """While this lasts, `aliases` lead to the database `name` on the server of the first, and no other can be used.

    Django's connections of this thread are closed before and after; sessions that are open stay. Commits do not wait
    for the disk. Raises DatabaseError if that cannot be, as in a transaction of Django's.
    """
    _refuse(aliases)
    if not _ONE.acquire(blocking=False):
        raise DatabaseError(
            N_(
                "Another proof is under way in this process, and has the aliases of DATABASES. Nothing was done. Start "
                "this one when that is done, or in a process of its own."
            )
        )
    try:
        close(aliases)
        with _replaced(aliases, name), _alone(aliases, name), _without_waiting(aliases):
            try:
                yield
            finally:
                close(aliases)
    finally:
        _ONE.release()


def close(aliases: Sequence[str]) -> None:
    """Close Django's connections of this thread to `aliases`, and forget what Django has kept of their rows."""
    for alias in aliases:
        connection: Any = connections[alias]
        connection.close()
        connection.close_pool()
    for label, model in (("contenttypes", "ContentType"), ("sites", "Site")):
        if apps.is_installed(f"django.contrib.{label}"):
            manager: Any = apps.get_model(label, model)._default_manager
            manager.clear_cache()


def _refuse(aliases: Sequence[str]) -> None:
    for alias in aliases:
        if connections[alias].in_atomic_block:
            raise DatabaseError(
                N_(
                    "Django's connection {alias!r} is in a transaction, and cannot lead to a scratch database "
                    "meanwhile. Nothing was done. Call this outside of transaction.atomic() and TestCase.",
                    alias=alias,
                )
            )
        if named := {"dbname", "database"} & connections.settings[alias]["OPTIONS"].keys():
            raise DatabaseError(
                N_(
                    "OPTIONS of the database {alias!r} has {option!r}, which is used instead of NAME, so that it "
                    "cannot lead to a scratch database. Nothing was done. Write the name as NAME in DATABASES.",
                    alias=alias,
                    option=min(named),
                )
            )


@contextlib.contextmanager
def _replaced(aliases: Sequence[str], name: str) -> Iterator[None]:
    """Have the settings of all lead where those of the first do, but to `name`, and put back what they were."""
    first = dict(connections.settings[aliases[0]])
    here = _place(aliases[0])
    with contextlib.ExitStack() as stack:
        for alias in aliases:
            # A mirror may be on another server, as a standby is.
            moved = {} if _place(alias) == here else {key: first[key] for key in _WHERE}
            written: Any = django_settings.DATABASES.get(alias, {})
            for settings in (connections.settings[alias], connections[alias].settings_dict, written):
                stack.callback(
                    _put_back, settings, dict(settings)
                )  # often one and the same: the last one back is right
                settings.update(moved, NAME=name)
        yield


def _put_back(settings: dict[str, Any], before: dict[str, Any]) -> None:
    settings.clear()
    settings.update(before)


@contextlib.contextmanager
def _alone(aliases: Sequence[str], name: str) -> Iterator[None]:
    """Refuse all connections but those of `aliases`, in every thread.

    As Django's test cases do it, the methods of the class are replaced: another thread has other objects.
    """
    ensure, connect = BaseDatabaseWrapper.ensure_connection, BaseDatabaseWrapper.connect

    def refuse_others(connection: BaseDatabaseWrapper) -> None:
        if connection.alias not in aliases:
            raise DatabaseError(
                N_(
                    "The database {alias!r} cannot be used while migrations are proven in the scratch database "
                    "{name!r}, to which only {aliases} may lead: what is done elsewhere would stay.",
                    alias=connection.alias,
                    name=name,
                    aliases=" and ".join(map(repr, aliases)),
                )
            )

    def ensured(self: BaseDatabaseWrapper) -> None:
        refuse_others(self)
        ensure(self)

    def connected(self: BaseDatabaseWrapper) -> None:
        refuse_others(self)
        connect(self)

    with _replaced_method("ensure_connection", ensured), _replaced_method("connect", connected):
        yield


@contextlib.contextmanager
def _replaced_method(name: str, method: Any) -> Iterator[None]:
    before = getattr(BaseDatabaseWrapper, name)
    setattr(BaseDatabaseWrapper, name, method)
    try:
        yield
    finally:
        setattr(BaseDatabaseWrapper, name, before)


@contextlib.contextmanager
def _without_waiting(aliases: Sequence[str]) -> Iterator[None]:
    """Have no commit wait for the disk: what a crash takes would be dropped anyway.

    A setting of sessions, and not of the database, is in no catalog that is compared.
    """

    def set_off(connection: BaseDatabaseWrapper, **_: Any) -> None:
        if connection.alias in aliases:
            with connection.cursor() as cursor:
                cursor.execute("SET synchronous_commit = off")

    connection_created.connect(set_off, weak=False)
    try:
        yield
    finally:
        connection_created.disconnect(set_off)
