"""Where a session goes: to the database of an alias, or to a target of a fleet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, NamedTuple

from medusa_migrations.conf import refuse_unknown
from medusa_migrations.errors import PlanError, SettingsError, in_words
from medusa_migrations.messages import N_, joined

# Values for DATABASES[alias], in place of those that are there.
Overrides = Mapping[str, Any]

# What those may be. The rest of a database's settings is not about where it is.
_OVERRIDES: Mapping[str, tuple[type, ...]] = {
    "NAME": (str,),
    "HOST": (str, PurePath),
    "PORT": (str, int),
    "USER": (str,),
    "PASSWORD": (str,),
    "OPTIONS": (Mapping,),
}


class FleetTarget(NamedTuple):
    """One target of a fleet: a schema, a database, or a schema of another database.

    `name` is its own in its fleet. It is reached with the settings of the alias `database`, by default the fleet's, and
    `settings` in their place: a dictionary, or what gives one whenever a connection is made, as for passwords that
    expire. Its tables and its history are in `schema`, and with None where search_path finds them. A run of the fleet
    begins a `stage` when the one before is done. The fields from `fleet` on are filled in for each target of a fleet.
    """

    name: str
    schema: str | None = None
    database: str | None = None
    settings: Overrides | Callable[[], Overrides] = MappingProxyType({})
    stage: int = 1
    fleet: str = ""
    apps: tuple[str, ...] | None = None
    search_path: tuple[str, ...] = ("{schema}",)

    def __repr__(self) -> str:
        """Without the settings, which have passwords."""
        return f"FleetTarget(name={self.name!r}, schema={self.schema!r}, database={self.database!r})"


Destination = str | FleetTarget


def destination(database: str, target: FleetTarget | None) -> Destination:
    """The one of the two that is given. Raises PlanError where it is both, or the target is none of a fleet."""
    if target is not None and not (isinstance(target, FleetTarget) and target.fleet):
        raise PlanError(
            N_(
                "target is {target!r}, which is no target of a fleet. Take one that api.target or api.targets gives, "
                "as api.target('tenants', 't1').",
                target=target,
            )
        )
    if target is not None and database != "default":
        raise PlanError(
            N_(
                "The database {database!r} and the target {target!r} cannot go together: choose one.",
                database=database,
                target=target.name,
            )
        )
    return database if target is None else target


def alias_of(where: Destination) -> str:
    """The alias whose settings it has, and for which routers are asked."""
    return where if isinstance(where, str) else where.database or "default"


def target_of(where: Destination) -> FleetTarget | None:
    """The target, None for a database of an alias."""
    return None if isinstance(where, str) else where


def name_of(where: Destination) -> str | None:
    """The name of the target, None for a database of an alias."""
    return None if isinstance(where, str) else where.name


def key_of(where: Destination) -> str:
    """What tells it from all others."""
    return where if isinstance(where, str) else f"{where.fleet}/{where.name}"


def named(where: Destination) -> str:
    """How messages call it."""
    if isinstance(where, str):
        return N_("database {alias!r}", alias=where)
    if where.schema is None:
        return N_("target {target!r}", target=where.name)
    return N_("target {target!r} (schema {schema!r})", target=where.name, schema=where.schema)


def options_for(where: Destination) -> str:
    """The options of a command that is to go to the same place, with a blank before them."""
    return options_of(where) if isinstance(where, str) else options_of("default", where.fleet, where.name)


def options_of(database: str, fleet: str | None = None, target: str | None = None) -> str:
    """As `options_for`, for a place by its names."""
    from shlex import quote  # only to say what to do next

    if fleet and target:
        return f" --fleet {quote(fleet)} --target {quote(target)}"
    return "" if database == "default" else f" --database {quote(database)}"


def check_settings(given: object, called: str) -> None:
    """Raise SettingsError for what cannot stand in place of an alias's settings, as what would have no effect."""
    if not isinstance(given, Mapping):
        raise SettingsError(
            N_(
                "{called} has settings that are {type}. They must be a dictionary.",
                called=called,
                type=type(given).__name__,
            )
        )
    refuse_unknown(given, _OVERRIDES, joined(": ", [called, "'settings'"]))
    for key, value in given.items():
        if not isinstance(value, _OVERRIDES[key]):  # without a NAME it would be another database than the alias's
            raise SettingsError(
                N_(
                    "{called}: {key!r} of 'settings' is {type}. It must be of the type {wanted}; where it is left out, "
                    "that of the alias holds.",
                    called=called,
                    key=key,
                    type=type(value).__name__,
                    wanted=_OVERRIDES[key][0].__name__,
                )
            )


def settings_of(target: FleetTarget, theirs: Mapping[str, Any]) -> dict[str, Any]:
    """`theirs`, the settings of its alias, with its own in their place; of OPTIONS, one by one.

    Raises SettingsError for what its callable gives and cannot be.
    """
    called = N_("The {where}", where=named(target))
    own = _asked(target.settings, called) if callable(target.settings) else target.settings
    check_settings(own, called)
    return {**theirs, **own, "OPTIONS": {**theirs.get("OPTIONS", {}), **own.get("OPTIONS", {})}}


def _asked(settings: Callable[[], Overrides], called: str) -> Overrides:
    try:
        return settings()
    except Exception as error:  # the author's code
        raise SettingsError(
            N_("{called}: what its settings are cannot be told: {error}.", called=called, error=in_words(error))
        ) from error
