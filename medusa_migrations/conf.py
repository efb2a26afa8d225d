"""The settings: `MEDUSA_MIGRATIONS` in Django's settings, and the features that the environment sets."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings as django_settings
from django.db import connections
from django.utils.timezone import get_default_timezone, get_default_timezone_name, is_aware, make_aware

from .errors import SettingsError, nearest
from .messages import N_
from .migration import MigrationId, Phase

NAME = "MEDUSA_MIGRATIONS"
TRANSACTION_MODES = ("all", "each", "none")
OUT_OF_ORDER = ("run", "error")
ENGINES = ("celery", "procrastinate", "tasks")

# Which of the environment's variables names a release, the first that is set: ours, and those of platforms.
_RELEASE_VARIABLES = ("MEDUSA_RELEASE", "HEROKU_RELEASE_VERSION", "RENDER_GIT_COMMIT")

_ON = {"1", "true", "yes", "on"}
_OFF = {"0", "false", "no", "off", ""}

# A time with a unit as in PostgreSQL's manual, 20.1.1; without one, milliseconds.
_DURATION = re.compile(r"[0-9]+(\.[0-9]+)?\s*(us|ms|s|min|h|d)?", re.ASCII)


class Fleet(NamedTuple):
    """A fleet of the setting FLEETS, one attribute a key in small letters.

    `targets` is a dotted path to what gives them, a list of them, or a dictionary with the SQL that asks for them. Each
    has the settings of the alias `database`, and `search_path`, where `{schema}` is its schema. `apps` are the labels
    of those that run there, None for what routers let in. `after` are aliases and fleets that come first, `control` is
    the alias with the ledger, `queue` is where the workers of the `engine` look. From `canary` to `engine` they are as
    they are given: fleet/ looks at them.
    """

    targets: str | list[Any] | Mapping[str, str]
    database: str = "default"
    apps: tuple[str, ...] | None = None
    search_path: tuple[str, ...] = ("{schema}",)
    after: tuple[str, ...] = ()
    control: str = "default"
    canary: object = 0
    jobs: object = 8
    jobs_per_server: object = None
    max_failures: object = 0
    engine: object = None
    queue: str = "medusa_fleet"


class Settings(NamedTuple):
    """One attribute a key of `MEDUSA_MIGRATIONS`, in small letters; the documentation shows what is said of each."""

    dist_dir: Path
    """Where the build is. By default `dist/migrations` in BASE_DIR; a relative path is below BASE_DIR. Keep it out of
    version control, or check it with `migrations_build --check`."""
    auto_build: bool
    """Whether run and revert build first, and `migrations_show`, `--plan`, `--sql` and `--check` read the sources. By
    default as DEBUG."""
    source_dir: str = "sql_migrations"
    """The folder of the migrations in each app."""
    transaction: str = "each"
    """One transaction for `all` migrations, for `each` its own, or `none`. Of a part with `transaction:false` it is
    none."""
    lock_wait: float = 60
    """How many seconds to wait for another run."""
    lock_timeout: str | None = "5s"
    """How long a statement waits for a lock. `None`: as the server says. See docs/deployment.md#timeouts."""
    statement_timeout: str | None = None
    """How long a statement may take. `None`: as the server says."""
    retries: int = 3
    """Further tries after a lock timeout, a deadlock or a serialization failure."""
    features: Mapping[str, bool] = MappingProxyType({})
    """The features that are on or off: `{"product_categories": True}`. The environment variable
    `MEDUSA_FEATURE_PRODUCT_CATEGORIES` wins; names that differ only in case or in `-`, `.` and `_` share theirs. See
    docs/how-to-create-migrations.md#features."""
    ignore: tuple[str, ...] = ()
    """Globs `table.object` of what `makemigration --generate` and `migrations_verify --live` leave alone."""
    run_on_migrate: bool = True
    """Whether `migrate` runs SQL migrations. In tests it always does. See docs/django.md#what-migrate-does."""
    admin: bool = True
    """Whether Django's admin has pages of the migrations. See docs/admin.md."""
    admin_engine: str | None = None
    """Who does what the admin runs and reverts: workers of `"celery"`, `"procrastinate"` or `"tasks"`, Django's own.
    `None`: the request itself. See docs/admin.md#runs-that-take-long."""
    history_schema: str | Mapping[str, str] | None = None
    """The schema that the history is in, `"ops"` or for each alias `{"default": "ops"}`, whatever `search_path` is.
    `None`: as `search_path` finds it. See docs/deployment.md#the-schema-of-the-history."""
    verify_after: str | None = None
    """The id of the last migration that `migrations_verify` need not prove and `migrations_lint` not look at. See
    docs/verify.md#an-old-project."""
    lint_rows: int = 10_000
    """With `migrations_lint --live`, a finding about tables with fewer rows is a note. See docs/lint.md#sizes."""
    release: str | None = None
    """The release that the journal has, where the build does not name it. See docs/operations.md#releases."""
    out_of_order: str = "run"
    """What a run does with a late arrival: `"error"` has it stop. See docs/teams.md#refuse-what-comes-late."""
    linear: bool | tuple[str, ...] = False
    """Apps whose two branches conflict in git: `True` for all of the project, or a list of labels. See
    docs/teams.md#have-them-conflict."""
    sql_since: Mapping[str, str] = MappingProxyType({})
    """`{"blog": "0123_last"}`: the Django migrations of `blog` stay as its past up to that one, and its tables are
    SQL's from there on. See docs/adopting.md#sql-from-here."""
    fleets: Mapping[str, Fleet] = MappingProxyType({})
    """Schemas or databases that get the same migrations, by name. See docs/fleets.md#the-setting."""

    def history_schema_of(self, alias: str) -> str | None:
        """The schema that the history of the database `alias` is in, None where search_path finds it."""
        given = self.history_schema
        return given.get(alias) if isinstance(given, Mapping) else given

    def is_on(self, feature: str) -> bool:
        """Whether `feature` is on: by MEDUSA_FEATURE_<NAME> in the environment, else by FEATURES, else off."""
        variable = "MEDUSA_FEATURE_" + re.sub(r"\W", "_", feature, flags=re.ASCII).upper()
        value = os.environ.get(variable)
        if value is None:
            return self.features.get(feature, False)
        if value.strip().lower() not in _ON | _OFF:
            raise SettingsError(
                N_("The environment variable {variable} is {value!r}. Use 1 or 0.", variable=variable, value=value)
            )
        return value.strip().lower() in _ON


def get_settings() -> Settings:
    """Today's settings. Raises SettingsError for an unknown key or a wrong value."""
    given = getattr(django_settings, NAME, {})
    if not isinstance(given, Mapping):
        raise SettingsError(N_("{setting} must be a dictionary, not {given!r}.", setting=NAME, given=given))
    known = [name.upper() for name in Settings._fields]
    for key in given:
        if key not in known:
            hint = nearest(str(key).upper(), known) or N_(" Known are {keys}.", keys=", ".join(known))
            raise SettingsError(N_("{setting} has an unknown key {key!r}.{hint}", setting=NAME, key=key, hint=hint))
    values = {key.lower(): _checked(key, value) for key, value in given.items()}
    values.setdefault("auto_build", bool(django_settings.DEBUG))
    if "dist_dir" not in values:
        values["dist_dir"] = _base_dir_for_dist() / "dist" / "migrations"
    elif not values["dist_dir"].is_absolute():
        values["dist_dir"] = (base_dir() or Path.cwd()) / values["dist_dir"]
    return Settings(**values)


def release_of_environment() -> str:
    """The release that the environment names, or ""; Heroku's comes with its Dyno Metadata, Render's by itself."""
    found = (os.environ.get(name, "").strip() for name in _RELEASE_VARIABLES)
    return next(("".join(filter(str.isprintable, one))[:255] for one in found if one), "")


def phase(value: object, called: str = "phase") -> Phase:
    """`value` if it is a phase. Raises SettingsError, whose message says what it is `called`."""
    found: Phase = _checked("PHASE", value, called)
    return found


def phase_of_environment() -> Phase | None:
    """The phase that MEDUSA_PHASE asks `migrate` to keep to, None for all: so in tests, whose databases have all.

    Raises SettingsError for what is none.
    """
    value = os.environ.get("MEDUSA_PHASE")
    return None if not value or is_testing() else phase(value, N_("The environment variable MEDUSA_PHASE"))


def moment(text: str) -> datetime:
    """The moment that `text` writes as ISO 8601 does, in the project's time zone unless it names one.

    It is in UTC, as PostgreSQL does not know every offset. Raises SettingsError for what is none.
    """
    try:
        found = datetime.fromisoformat(text.strip())
        return (found if is_aware(found) else make_aware(found, get_default_timezone())).astimezone(UTC)
    except (ValueError, OverflowError):
        raise SettingsError(
            N_(
                "{text!r} is no moment. Write one as '2026-11-28 14:00', in the time zone of the project "
                "({zone}), or as '2026-11-28T14:00:00+01:00'.",
                text=text,
                zone=get_default_timezone_name(),
            )
        ) from None


def is_testing() -> bool:
    """Whether this process runs tests.

    Every runner calls django.test.utils.setup_test_environment(), which knows by this that it was called.
    """
    return hasattr(getattr(sys.modules.get("django.test.utils"), "_TestState", None), "saved_data")


def base_dir() -> Path | None:
    """The project's folder, from the setting BASE_DIR, or None."""
    given = getattr(django_settings, "BASE_DIR", None)
    if given is not None and not isinstance(given, str | os.PathLike):
        raise SettingsError(N_("BASE_DIR is {given!r}. It must be the path of the project's folder.", given=given))
    return Path(given).resolve() if given else None


def shown_path(path: Path | str) -> str:
    """`path` as a user would type it: from the current folder if it is below that."""
    path = Path(path)
    try:
        return str(path.relative_to(Path.cwd()))
    except (OSError, ValueError):  # the current folder is gone, or another
        return str(path)


def _base_dir_for_dist() -> Path:
    base = base_dir()
    if not base:
        raise SettingsError(
            N_("Set BASE_DIR, or {setting}['DIST_DIR'], so that the built migrations have a place.", setting=NAME)
        )
    return base


def checked(option: str, value: Any) -> Any:
    """The value of an option that stands for the setting of the same name. Raises SettingsError."""
    return _checked(option.upper(), value, option)


def seconds(option: str, value: object) -> float:
    """A number of seconds that is given for an option without a setting. Raises SettingsError."""
    return float(_checked("LOCK_WAIT", value, option))


def chosen(option: str, given: Any) -> Any:
    """The value given for an option, checked, or today's setting of the same name if that is None.

    Raises SettingsError.
    """
    return getattr(get_settings(), option) if given is None else checked(option, given)


def _checked(key: str, value: Any, called: str = "") -> Any:
    check, expected = _CHECKS[key]
    try:
        return check(value)
    except (TypeError, ValueError):
        hint = nearest(str(value), _CHOICES.get(key, ()))
        raise SettingsError(
            N_(
                "{called} is {value!r}. It must be {expected}.{hint}",
                called=called or f"{NAME}[{key!r}]",
                value=value,
                expected=expected,
                hint=hint,
            )
        ) from None


def duration(value: object) -> str | None:
    """A PostgreSQL duration as text; a number counts milliseconds; None stays. Raises ValueError."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _DURATION.fullmatch(value.strip()):
        raise ValueError(value)
    return value.strip()


def transaction_mode(value: object) -> str:
    """One of TRANSACTION_MODES. Raises ValueError."""
    if value not in TRANSACTION_MODES:
        raise ValueError(value)
    return str(value)


def _out_of_order(value: object) -> str:
    if value not in OUT_OF_ORDER:
        raise ValueError(value)
    return str(value)


def _phase(value: object) -> Phase:
    if value not in ("before", "after"):
        raise ValueError
    return "before" if value == "before" else "after"


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError
    return value


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e9:
        raise ValueError
    return value


def _path(value: object) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise TypeError
    return Path(value)


def _folder_name(value: object) -> str:
    if not isinstance(value, str) or not value.isidentifier():
        raise ValueError
    return value


def _features(value: object) -> dict[str, bool]:
    if not isinstance(value, Mapping):
        raise TypeError
    if not all(isinstance(name, str) for name in value):
        raise TypeError
    return {name: _bool(on) for name, on in value.items()}


def _globs(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(glob, str) for glob in value):
        raise TypeError
    return tuple(value)


def _linear(value: object) -> bool | tuple[str, ...]:
    if isinstance(value, bool):
        return value
    return _labels(value, f"{NAME}['LINEAR']")


def _labels(value: object, called: str) -> tuple[str, ...]:
    labels = _globs(value)
    for label in labels:
        if label not in apps.app_configs:
            hint = nearest(label, apps.app_configs)
            raise SettingsError(
                N_(
                    "{called} names {label!r}, which is the label of no installed app.{hint}",
                    called=called,
                    label=label,
                    hint=hint,
                )
            )
    return labels


def _sql_since(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError
    for label, name in value.items():
        if not isinstance(label, str) or not isinstance(name, str) or not name:
            raise TypeError
        if label not in apps.app_configs:
            hint = nearest(label, apps.app_configs)
            raise SettingsError(
                N_(
                    "{setting}['SQL_SINCE'] names {label!r}, which is the label of no installed app.{hint}",
                    setting=NAME,
                    label=label,
                    hint=hint,
                )
            )
    return dict(value)


def _fleets(value: object) -> dict[str, Fleet]:
    if not isinstance(value, Mapping):
        raise TypeError
    fleets = {_fleet_name(name): _fleet(given, f"{NAME}['FLEETS'][{name!r}]") for name, given in value.items()}
    for name, fleet in fleets.items():
        _refuse_unknown_before(name, fleet, fleets)
    return fleets


def _refuse_unknown_before(name: str, fleet: Fleet, fleets: Mapping[str, Fleet]) -> None:
    """Raise SettingsError for what AFTER of a fleet names, and is none, or the fleet itself."""
    for one in fleet.after:
        if one == name or one not in {*fleets, *connections}:
            known = {*fleets, *connections} - {name}
            raise SettingsError(
                N_(
                    "{setting}['FLEETS'][{name!r}]['AFTER'] names {one!r}, which is no alias of DATABASES and no other "
                    "fleet.{hint}",
                    setting=NAME,
                    name=name,
                    one=one,
                    hint=nearest(one, known),
                )
            )


def _fleet_name(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or not value.strip():
        raise SettingsError(
            N_(
                "{setting}['FLEETS'] has the key {value!r}. The name of a fleet is a text that can be shown.",
                setting=NAME,
                value=value,
            )
        )
    return value


def _fleet(given: object, called: str) -> Fleet:
    """What is given is in no message: a password may be in it."""
    if not isinstance(given, Mapping):
        raise SettingsError(
            N_("{called} must be a dictionary such as {{'TARGETS': 'shop.tenants.targets'}}.", called=called)
        )
    refuse_unknown(given, [name.upper() for name in Fleet._fields], called)
    if "TARGETS" not in given:
        raise SettingsError(N_("{called} has no 'TARGETS', which tells what the fleet is of.", called=called))
    values = {}
    for key, value in given.items():
        check, expected = _FLEET_CHECKS[key]
        try:
            values[key.lower()] = check(value, f"{called}[{key!r}]")
        except (TypeError, ValueError):
            raise SettingsError(
                N_("{called}[{key!r}] must be {expected}.", called=called, key=key, expected=expected)
            ) from None
    return Fleet(**values)


def refuse_unknown(given: Mapping[Any, Any], known: Iterable[str], called: str) -> None:
    """Raise SettingsError for a key that nobody reads."""
    for key in given:
        if key not in known:
            hint = nearest(str(key), known) or N_(" Known are {keys}.", keys=", ".join(known))
            raise SettingsError(N_("{called} has an unknown key {key!r}.{hint}", called=called, key=key, hint=hint))


def _targets(value: object, called: str) -> str | list[Any] | dict[str, str]:
    if isinstance(value, str):
        if not all(name.isidentifier() for name in value.split(".")) or "." not in value:
            raise ValueError
        return value
    if isinstance(value, Mapping):
        refuse_unknown(value, ("SQL", "DATABASE"), called)
        if not isinstance(value.get("SQL"), str) or not value["SQL"].strip():
            raise ValueError
        return {"SQL": value["SQL"], "DATABASE": _alias(value.get("DATABASE", "default"), f"{called}['DATABASE']")}
    if not isinstance(value, list | tuple):
        raise TypeError
    return list(value)


def _alias(value: object, called: str) -> str:
    if not isinstance(value, str) or value not in list(connections):
        hint = nearest(str(value), connections)
        raise SettingsError(
            N_("{called} is {value!r}, which is no alias of DATABASES.{hint}", called=called, value=value, hint=hint)
        )
    return value


def _fleet_apps(value: object, called: str) -> tuple[str, ...] | None:
    return None if value is None else _labels(value, called)


def _names(value: object, called: str) -> tuple[str, ...]:
    return _globs(value)


def _queue(value: object, called: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value


def _as_it_is(value: object, called: str) -> object:
    return value


def _search_path(value: object, called: str) -> tuple[str, ...]:
    names = _globs(value)
    if names[:1] != ("{schema}",) or not all(map(is_schema, names)):
        raise ValueError
    return names


def is_schema(name: object) -> bool:
    """Whether a search_path can hold `name`: the server takes "$user" for the name of the user, quoted or not."""
    return isinstance(name, str) and name not in ("", "$user") and not re.search("[\0\ud800-\udfff]", name)


def _schemas(value: object) -> str | dict[str, str] | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        if not set(value) <= set(connections):
            raise ValueError
        return {alias: _schema(name) for alias, name in value.items()}
    return _schema(value)


def _schema(value: object) -> str:
    if not isinstance(value, str) or not value or '"' in value or "\0" in value:
        raise ValueError
    return value


def _release(value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and value.isprintable() and 0 < len(value.strip()) <= 255):
        raise ValueError
    return value and value.strip()


def _engine(value: object) -> str | None:
    if value is not None and value not in ENGINES:
        raise ValueError
    return None if value is None else str(value)


def _id(value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and MigrationId.parse(value)):
        raise ValueError
    return value


_CHECKS = {
    "DIST_DIR": (_path, N_("a path")),
    "SOURCE_DIR": (_folder_name, N_("the name of a folder, such as 'sql_migrations'")),
    "AUTO_BUILD": (_bool, N_("True or False")),
    "TRANSACTION": (transaction_mode, N_("'all', 'each' or 'none'")),
    "LOCK_WAIT": (_seconds, N_("a number of seconds, 0 or more and less than a billion")),
    "LOCK_TIMEOUT": (duration, N_("a PostgreSQL duration such as '5s', or None")),
    "STATEMENT_TIMEOUT": (duration, N_("a PostgreSQL duration such as '10min', or None")),
    "RETRIES": (_count, N_("a whole number, 0 or more")),
    "FEATURES": (_features, N_("a dictionary such as {'product_categories': True}")),
    "IGNORE": (_globs, N_("a list of globs such as ['blog_post.search_*']")),
    "RUN_ON_MIGRATE": (_bool, N_("True or False")),
    "ADMIN": (_bool, N_("True or False")),
    "ADMIN_ENGINE": (_engine, N_("'celery', 'procrastinate', 'tasks' or None")),
    "HISTORY_SCHEMA": (_schemas, N_("the name of a schema, or one for each alias of DATABASES: {'default': 'ops'}")),
    "LINT_ROWS": (_count, N_("a whole number, 0 or more")),
    "RELEASE": (_release, N_("the name of a release in at most 255 characters on one line, such as 'v42', or None")),
    "VERIFY_AFTER": (_id, N_("the id of a migration, such as 'blog.20230801075818_add_authors_and_posts', or None")),
    "OUT_OF_ORDER": (_out_of_order, N_("'run' or 'error'")),
    "PHASE": (_phase, N_("'before' or 'after'")),
    "LINEAR": (_linear, N_("True, False or a list of app labels such as ['blog']")),
    "SQL_SINCE": (_sql_since, N_("a dictionary of app labels and Django migrations such as {'blog': '0123_last'}")),
    "FLEETS": (_fleets, N_("a dictionary such as {'tenants': {'TARGETS': 'shop.tenants.targets'}}")),
}

_FLEET_CHECKS: Mapping[str, tuple[Callable[[object, str], Any], str]] = {
    "TARGETS": (
        _targets,
        N_(
            "the dotted path of a callable such as 'shop.tenants.targets', a list of targets, or a dictionary such as "
            "{'SQL': 'SELECT schema_name AS schema FROM customers_client'}"
        ),
    ),
    "DATABASE": (_alias, N_("an alias of DATABASES")),
    "APPS": (_fleet_apps, N_("a list of app labels such as ['shop'], or None")),
    "SEARCH_PATH": (
        _search_path,
        N_("a list of schemas that begins with '{schema}', such as ['{schema}', 'extensions']"),
    ),
    "AFTER": (_names, N_("a list of aliases and fleets, such as ['default']")),
    "CONTROL": (_alias, N_("an alias of DATABASES")),
    "CANARY": (_as_it_is, ""),
    "JOBS": (_as_it_is, ""),
    "JOBS_PER_SERVER": (_as_it_is, ""),
    "MAX_FAILURES": (_as_it_is, ""),
    "ENGINE": (_as_it_is, ""),
    "QUEUE": (_queue, N_("the name of a queue, such as 'medusa_fleet'")),
}

# What the values of a key may be, where they are few.
_CHOICES = {
    "ADMIN_ENGINE": ENGINES,
    "TRANSACTION": TRANSACTION_MODES,
    "OUT_OF_ORDER": OUT_OF_ORDER,
    "PHASE": ("before", "after"),
}
