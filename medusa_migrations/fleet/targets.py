"""The targets of a fleet, as the setting FLEETS gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db import Error, connections
from django.utils.module_loading import import_string

from medusa_migrations import conf
from medusa_migrations.conf import Fleet, Settings
from medusa_migrations.database.connect import open_session
from medusa_migrations.database.destination import FleetTarget, check_settings
from medusa_migrations.database.postgresql import server_error
from medusa_migrations.engines.engine import Engine, engine
from medusa_migrations.errors import DatabaseError, SettingsError, in_words, nearest
from medusa_migrations.messages import N_

from .stages import Canary, Limits, Share, counting_number

# What a dictionary or a row may say of a target.
_KEYS = ("name", "schema", "database", "settings", "stage")

# The schemas that are the server's own: nobody else may make one that begins with pg_.
_OF_SERVER = re.compile("pg_.*|information_schema", re.DOTALL)


def target(fleet: str, name: str) -> FleetTarget:
    """The target `name` of `fleet`. Raises SettingsError if there is none, and as `targets`."""
    found = {one.name: one for one in targets(fleet)}
    if name not in found:
        raise SettingsError(
            N_(
                "The fleet {fleet!r} has no target {target!r}.{hint}",
                fleet=fleet,
                target=name,
                hint=nearest(name, found),
            )
        )
    return found[name]


def targets(fleet: str) -> tuple[FleetTarget, ...]:
    """The targets of `fleet`, in the order that its TARGETS give.

    Raises SettingsError for a fleet that there is none of, and for targets that cannot be; DatabaseError where the
    database that is asked for them fails.
    """
    settings, given, called = conf.get_settings(), setting(fleet), _called_in_settings(fleet)
    found = [_target(one, given, fleet, settings, called) for one in _listed(given.targets, fleet, called)]
    _refuse_twice(found, called)
    return tuple(found)


def chosen(fleet: str | None) -> str:
    """The name of the fleet that is meant: where none is named, the only one. Raises SettingsError."""
    fleets = conf.get_settings().fleets
    if fleet is not None:
        setting(fleet)
        return fleet
    if len(fleets) == 1:
        return next(iter(fleets))
    raise SettingsError(N_("Name the fleet. There {are} in {setting}['FLEETS'].", are=_are(fleets), setting=conf.NAME))


def setting(fleet: str) -> Fleet:
    """What FLEETS says of `fleet`. Raises SettingsError for one that there is none of."""
    fleets = conf.get_settings().fleets
    if fleet not in fleets:
        hint = nearest(fleet, fleets) or N_(" There {are}.", are=_are(fleets))
        raise SettingsError(
            N_("{setting}['FLEETS'] has no fleet {fleet!r}.{hint}", setting=conf.NAME, fleet=fleet, hint=hint)
        )
    return fleets[fleet]


def limits_of(fleet: str, jobs: object = None, max_failures: object = None) -> Limits:
    """How much of a fleet is run at once, and how much may fail; the settings stand for what is None.

    Raises SettingsError.
    """
    given, called = setting(fleet), f"{_called_in_settings(fleet)}[{{!r}}]"
    limits = Limits.parse(given.jobs, given.jobs_per_server, given.max_failures, called)
    if jobs is not None:
        limits = limits._replace(jobs=counting_number(jobs, "--jobs"))
    if max_failures is not None:
        limits = limits._replace(max_failures=Share.parse(max_failures, "--max-failures"))
    return limits


def canary_of(fleet: str, canary: object = None) -> Canary:
    """Which targets of a fleet go first; the setting stands for None. Raises SettingsError."""
    if canary is not None:
        return Canary.parse(canary, "--canary")
    return Canary.parse(setting(fleet).canary, f"{_called_in_settings(fleet)}['CANARY']")


def engine_of(fleet: str, name: str | None = None) -> Engine | None:
    """What delivers the targets of a fleet to workers, None where this process does them; the setting stands for None.

    By the name "none" it is this process. Raises SettingsError.
    """
    given = setting(fleet)
    chosen, called = (given.engine, f"{_called_in_settings(fleet)}['ENGINE']") if name is None else (name, "--engine")
    return None if chosen in (None, "none") else engine(chosen, given.queue, called)


def check(fleet: str) -> None:
    """Raise SettingsError for what cannot be, as far as that is known without asking for targets."""
    limits_of(fleet)
    canary_of(fleet)
    engine_of(fleet)
    given = setting(fleet).targets
    if isinstance(given, str):
        _from_path(given, fleet)
    elif isinstance(given, list):
        targets(fleet)


def _called_in_settings(fleet: str) -> str:
    return f"{conf.NAME}['FLEETS'][{fleet!r}]"


def _are(fleets: Mapping[str, Fleet]) -> str:
    names = ", ".join(map(repr, fleets))
    return N_("is {names}", names=names) if fleets else N_("are none: give it there, with its TARGETS")


def _from_path(path: str, fleet: str) -> Callable[[], Iterable[Any]]:
    """The callable that TARGETS of `fleet` names. Raises SettingsError if it cannot be imported or is none."""
    called = f"{_called_in_settings(fleet)}['TARGETS']"
    try:
        found = import_string(path)
    except Exception as error:  # the author's code
        why = str(error) if isinstance(error, ImportError) else in_words(error)
        raise SettingsError(
            N_("{called} is {path!r}, which cannot be imported: {error}.", called=called, path=path, error=why)
        ) from error
    if not callable(found):
        raise SettingsError(
            N_(
                "{called} is {path!r}, which cannot be called: it is of the type {type}.",
                called=called,
                path=path,
                type=type(found).__name__,
            )
        )
    return found  # type: ignore[no-any-return]  # what it gives is looked at


def _listed(given: str | list[Any] | Mapping[str, str], fleet: str, called: str) -> Iterable[Any]:
    if isinstance(given, str):
        return _called(_from_path(given, fleet), f"{called}: {given}")
    return _asked(given["SQL"], given["DATABASE"], called) if isinstance(given, Mapping) else given


def _called(function: Callable[[], Iterable[Any]], called: str) -> list[Any]:
    try:
        found = function()
        listed = None if isinstance(found, str | Mapping) or not isinstance(found, Iterable) else list(found)
    except Error as error:
        raise DatabaseError(
            N_("{called} failed: {error}.", called=called, error=server_error(error).message)
        ) from error
    except Exception as error:  # the author's code
        raise SettingsError(N_("{called} failed: {error}.", called=called, error=in_words(error))) from error
    if listed is None:
        raise SettingsError(
            N_("{called} gives {type}. It must give a list of targets.", called=called, type=type(found).__name__)
        )
    return listed


def _asked(sql: str, alias: str, called: str) -> Iterator[dict[str, Any]]:
    """The rows of a query, as dictionaries by the names of their columns, without those that are NULL."""
    with open_session(FleetTarget(alias, database=alias)) as session:  # whatever tenant Django's own is set to
        try:
            rows = session.query(f"SELECT pg_catalog.to_jsonb(t)::text FROM ({sql.strip().rstrip(';')}\n) t")
        except Error as error:
            raise DatabaseError(
                N_(
                    "{called}: the SQL for its TARGETS failed: {reason}.",
                    called=called,
                    reason=server_error(error).message,
                )
            ) from None
    for (row,) in rows:
        yield {name: value for name, value in json.loads(row).items() if value is not None}


def _target(given: Any, fleet: Fleet, name: str, settings: Settings, called: str) -> FleetTarget:
    """One target, whichever way it is given, with what its fleet says of all."""
    one = given if isinstance(given, FleetTarget) else FleetTarget(**_fields(given, called))
    _check(one, called)
    one = one._replace(database=one.database or fleet.database, fleet=name, apps=fleet.apps)
    if one.schema is not None and one.schema == settings.history_schema_of(one.database or ""):
        raise SettingsError(
            N_(
                "{called}: the target {target!r} is the schema {schema!r}, where HISTORY_SCHEMA has the history of the "
                "database {database!r}. Give that history a schema of its own.",
                called=called,
                target=one.name,
                schema=one.schema,
                database=one.database,
            )
        )
    return one._replace(search_path=fleet.search_path)


def _fields(given: Any, called: str) -> dict[str, Any]:
    if isinstance(given, str):
        if given not in list(connections):
            raise SettingsError(
                N_(
                    "{called} has the target {target!r}, which is no alias of DATABASES. A schema is written as "
                    "{{'schema': {target!r}}}.{hint}",
                    called=called,
                    target=given,
                    hint=nearest(given, connections),
                )
            )
        return {"name": given, "database": given}
    if not isinstance(given, Mapping):
        raise SettingsError(
            N_(
                "{called} has a target that is {type}. It must be an alias of DATABASES, a dictionary such as "
                "{{'schema': 't1'}}, or a FleetTarget.",
                called=called,
                type=type(given).__name__,
            )
        )
    conf.refuse_unknown(given, _KEYS, N_("{called}: a target", called=called))
    name = given.get("name", given.get("schema", given.get("database")))
    if name is None:
        raise SettingsError(
            N_("{called} has a target without a name. Give it one: {{'name': 'eu-1', 'settings': …}}.", called=called)
        )
    return {"name": name, **given}


def _check(one: FleetTarget, called: str) -> None:
    """Raise SettingsError for what cannot be a target."""
    name = one.name
    if not isinstance(name, str) or not name.isprintable() or not name.strip():
        raise SettingsError(
            N_(
                "{called} has the target {target!r}. Its name must be a text that can be shown: give 'name'.",
                called=called,
                target=name,
            )
        )
    if one.schema is not None and not conf.is_schema(one.schema):
        raise SettingsError(
            N_(
                "{called}: the target {target!r} has the schema {schema!r}, which no search_path can name. Rename it.",
                called=called,
                target=name,
                schema=one.schema,
            )
        )
    if one.schema is not None and _OF_SERVER.fullmatch(one.schema):
        raise SettingsError(
            N_(
                "{called}: the target {target!r} has the schema {schema!r}, which is the server's own. Leave it out: a "
                "query of all schemas needs WHERE schema_name !~ '^(pg_|information_schema$)'.",
                called=called,
                target=name,
                schema=one.schema,
            )
        )
    if one.database is not None and one.database not in list(connections):
        hint = nearest(str(one.database), connections)
        raise SettingsError(
            N_(
                "{called}: the target {target!r} has the database {database!r}, which is no alias of DATABASES.{hint}",
                called=called,
                target=name,
                database=one.database,
                hint=hint,
            )
        )
    counting_number(one.stage, N_("{called}: the stage of the target {target!r}", called=called, target=name))
    if not callable(one.settings):
        check_settings(one.settings, N_("{called}: the target {target!r}", called=called, target=name))


def _refuse_twice(found: Sequence[FleetTarget], called: str) -> None:
    """Raise SettingsError for two targets of one name, and for two names of one place, as far as that can be seen."""
    by_name: dict[str, FleetTarget] = {}
    by_place: dict[Any, FleetTarget] = {}
    for one in found:
        if one.name in by_name:
            raise SettingsError(
                N_(
                    "{called} has two targets with the name {target!r}. Give each its own.",
                    called=called,
                    target=one.name,
                )
            )
        by_name[one.name] = one
        place = (one.schema, one.database, repr(one.settings if callable(one.settings) else dict(one.settings)))
        if place in by_place:
            raise SettingsError(
                N_(
                    "{called}: the targets {other!r} and {target!r} are one place. Leave one out.",
                    called=called,
                    other=by_place[place].name,
                    target=one.name,
                )
            )
        by_place[place] = one
