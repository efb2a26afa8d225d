"""System checks: what `manage.py check`, and with it most commands, say of SQL migrations.

Every command imports this file, so each check imports what it needs itself.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.core.management import get_commands, load_command_class
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper

from medusa_migrations.messages import N_

if TYPE_CHECKING:
    from medusa_migrations.migration import Migration
    from medusa_migrations.results import Finding

TAG = "medusa_migrations"

_checked_later = ContextVar("checked_later", default=False)


@contextlib.contextmanager
def checked_later() -> Iterator[None]:
    """While this lasts, `check_files` checks nothing, because the command checks the files that it uses itself."""
    token = _checked_later.set(True)
    try:
        yield
    finally:
        _checked_later.reset(token)


def are_files_checked_later() -> bool:
    """Whether `checked_later` lasts."""
    return _checked_later.get()


@register(TAG)
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Settings that are wrong (E001)."""
    problem = _settings_problem()
    if problem is None:
        return []
    return [Error(problem, hint=N_("What it may be is in docs/settings.md of medusa_migrations."), id=f"{TAG}.E001")]


@register(TAG)
def check_fleets(**kwargs: Any) -> list[CheckMessage]:
    """Fleets whose TARGETS cannot be (E015): a callable is imported and not called, and no database is asked."""
    from medusa_migrations import conf
    from medusa_migrations.errors import SettingsError

    found: list[CheckMessage] = []
    for name in conf.get_settings().fleets if _settings_problem() is None else ():
        from medusa_migrations.fleet.targets import check

        try:
            check(name)
        except SettingsError as error:
            found.append(Error(str(error), hint=N_("What it may be is in docs/fleets.md."), id=f"{TAG}.E015"))
    return found


@register(TAG)
def check_databases(**kwargs: Any) -> list[CheckMessage]:
    """Databases that are not PostgreSQL: an error for the default one (E002), a warning for others in use (W003)."""
    found: list[CheckMessage] = []
    labels = _labels_with_sources() if _settings_problem() is None else set()
    for alias in connections:
        connection = _other_kind_of_database(alias)
        let_in = sorted(label for label in labels or {TAG} if router.allow_migrate(alias, label))
        if connection is None or not let_in or (alias != "default" and not labels):
            continue
        problem = N_(
            "The database {alias!r} is {kind}; SQL migrations run on PostgreSQL only.",
            alias=alias,
            kind=connection.display_name,
        )
        hint = N_(
            "Set its ENGINE to 'django.db.backends.postgresql', or have allow_migrate() of a router in "
            "DATABASE_ROUTERS keep {apps} away from it.",
            apps=", ".join(let_in),
        )
        if alias == "default":
            found.append(Error(problem, hint=hint, id=f"{TAG}.E002"))
        else:
            found.append(checks.Warning(problem, hint=hint, id=f"{TAG}.W003"))
    return found


def _other_kind_of_database(alias: str) -> BaseDatabaseWrapper | None:
    """The connection of a database that is not PostgreSQL."""
    connection = _connection(alias)
    return None if connection is None or connection.vendor in ("postgresql", "unknown") else connection


def _connection(alias: str) -> BaseDatabaseWrapper | None:
    """The connection of a database; None for one that cannot be used at all, as Django says."""
    try:
        return connections[alias]
    except (ImproperlyConfigured, ImportError):
        return None


@register(TAG)
def check_migrate_command(**kwargs: Any) -> list[CheckMessage]:
    """A `migrate` of another app in place of this one's, which would silently leave out SQL migrations (E004)."""
    app = get_commands()["migrate"]
    if app == TAG or not _is_usable():
        return []
    command = load_command_class(app, "migrate") if isinstance(app, str) else app
    if any(base.__module__ == f"{TAG}.management.commands.migrate" for base in type(command).__mro__):
        return []
    from medusa_migrations.management.migrate.tenants import is_hooked

    if is_hooked():  # it runs this app's for each schema
        return []
    name = app if isinstance(app, str) else type(app).__module__
    return [
        Error(
            N_("The command migrate is that of {name!r}, which does not run SQL migrations.", name=name),
            hint=N_(
                "Put {app!r} above {name!r} in INSTALLED_APPS: its migrate extends the next one.", app=TAG, name=name
            ),
            id=f"{TAG}.E004",
        )
    ]


@register(TAG)
def check_tenants(**kwargs: Any) -> list[CheckMessage]:
    """SQL migrations with an engine as that of django-tenants, which no tenant's schema would have (E012), or none."""
    if not any(hasattr(connection, "set_schema") for connection in map(_connection, connections)) or not _is_usable():
        return []
    from medusa_migrations.management.migrate.tenants import CURE, HOOK, SETTING, in_fleets, is_hooked, of_tenants

    labels = _labels_with_sources() - in_fleets()
    wrong = sorted(label for label in labels if of_tenants(apps.get_app_config(label)))
    found = [
        Error(
            N_(
                "{apps}: SQL migrations run in the schema that all tenants share, and would be left out in "
                "those of the tenants.",
                apps=", ".join(wrong),
            ),
            hint=CURE,
            id=f"{TAG}.E012",
        )
    ]
    hook = Error(
        N_("migrate_schemas, and what makes a tenant, leave SQL migrations out: they run Django's own command."),
        hint=N_("Set {setting} = {command!r}.", setting=SETTING, command=HOOK),
        id=f"{TAG}.E012",
    )
    return [*(found if wrong else ()), *(() if is_hooked() else (hook,))]


@register(TAG)
def check_files(**kwargs: Any) -> list[CheckMessage]:
    """Files that a build refuses (E005), and those of apps with both kinds that leave their order to luck (W007)."""
    from medusa_migrations.errors import BuildError, MigrationError
    from medusa_migrations.files.build import are_sources_accepted, from_sources

    if are_files_checked_later() or not _is_usable():
        return []
    both_kinds = _apps_of_both_kinds()
    if not both_kinds and are_sources_accepted():
        return []
    try:
        migrations, _ = from_sources()
    except BuildError as error:
        errors: Sequence[MigrationError] = error.errors
    except MigrationError as error:
        errors = [error]
    else:
        return _check_headers(migrations, both_kinds)
    hint = N_("Mend it: nothing is built or run before.")
    return [Error(str(error), hint=hint, id=f"{TAG}.E005") for error in errors]


def _apps_of_both_kinds() -> dict[str, list[str]]:
    """The apps whose tables Django migrations make, with the names of those."""
    from medusa_migrations.files.owned import django_migrations, taken_over

    labels = _labels_with_sources() - taken_over().keys()
    return {label: names for label in labels if (names := django_migrations(label))}


def _check_headers(migrations: Sequence[Migration], both_kinds: Mapping[str, Sequence[str]]) -> list[CheckMessage]:
    from django.db.migrations.loader import MigrationLoader

    from medusa_migrations.migration import django_dependencies

    mixed = [
        one
        for one in migrations
        if one.id.app in both_kinds and all(label != one.id.app for label, _ in django_dependencies(one))
    ]
    return [
        checks.Warning(
            N_(
                "{id} makes tables in the place of Django migrations, which {app!r} still has: a new database "
                "has the tables of those by then, and it fails.",
                id=one.id,
                app=one.id.app,
            ),
            hint=N_(
                "Delete the package {package}, and those of all apps whose baselines were made with it.",
                package=MigrationLoader.migrations_module(one.id.app)[0],
            ),
            obj=one.source,
            id=f"{TAG}.W007",
        )
        if one.baseline
        else checks.Warning(
            N_(
                "{id} belongs to an app that has Django migrations too, and names none of them: on a new database it "
                "runs after all that the app has by then, not after those that it had when this was written.",
                id=one.id,
            ),
            hint=N_(
                "Above `-- migrate:up`, name the one that it was written after, such as\n"
                "  -- migrate:depends {app}.{name}\n"
                "A new header is no change of an applied migration.",
                app=one.id.app,
                name=both_kinds[one.id.app][-1],
            ),
            obj=one.source,
            id=f"{TAG}.W007",
        )
        for one in mixed
    ]


@register(TAG)
def check_empty_packages(**kwargs: Any) -> list[CheckMessage]:
    """An empty migrations package, as startapp makes it: makemigrations would make the tables a second time (E006)."""
    if not _is_usable():
        return []
    from medusa_migrations.files.owned import django_migrations

    return [
        Error(
            N_(
                "The app {label!r} has SQL migrations, and a package for Django migrations with none in it.",
                label=label,
            ),
            hint=N_(
                "Delete its folder migrations/, or set MIGRATION_MODULES = {{{label!r}: None}}. As it is, "
                "makemigrations would make its tables a second time.",
                label=label,
            ),
            id=f"{TAG}.E006",
        )
        for label in sorted(_labels_with_sources())
        if django_migrations(label) == []
    ]


@register(TAG)
def check_dependencies(**kwargs: Any) -> list[CheckMessage]:
    """Django migrations that depend on one of an app whose tables SQL makes now, and that is gone (E013)."""
    if not _is_usable():
        return []
    from medusa_migrations.files.owned import made_by_sql

    return [
        Error(
            N_(
                "Django migrations depend on one of {label!r}, whose tables are made by SQL:\n  {names}",
                label=label,
                names="\n  ".join(names),
            ),
            hint=N_(
                "Write ({label!r}, '__first__') there instead: that comes after all SQL migrations of the app.",
                label=label,
            ),
            id=f"{TAG}.E013",
        )
        for label, names in _named_by_django(made_by_sql(_labels_with_sources())).items()
    ]


def _named_by_django(labels: set[str]) -> dict[str, list[str]]:
    """For each of the apps `labels` the Django migrations of other apps that depend on one that it does not have.

    They are named with the file and the line.
    A migration is imported only if its text has such a label in quotes: most commands begin with the checks.
    """
    found: dict[str, list[str]] = {}
    for key, module, file, text in _texts_of_django() if labels else ():
        if not any(f"{quote}{label}{quote}" in text for label in labels for quote in "'\""):
            continue
        migration = getattr(import_module(module), "Migration", None)  # without one, Django's commands say so
        for label, name in {*migration.dependencies, *migration.run_before} if migration else ():
            if label in labels and name not in ("__first__", "__latest__"):
                place = f"{file}:{_line_of(label, name, text)}"
                found.setdefault(label, []).append(
                    N_("{place}: {key} depends on {label}.{name}", place=place, key=key, label=label, name=name)
                )
    return {label: sorted(names) for label, names in found.items()}


def _line_of(label: str, name: str, text: str) -> int:
    """The line of a Django migration's `text` that names another, or else its app."""
    quoted = [f"['\"]{re.escape(one)}['\"]" for one in (label, name)]
    place = re.search(rf"{quoted[0]}\s*,\s*{quoted[1]}", text) or re.search(quoted[0], text)
    return text.count("\n", 0, place.start() if place else 0) + 1


def _texts_of_django() -> Iterator[tuple[str, str, str, str]]:
    """Each Django migration in a file: `<app_label>.<name>`, its module, the file's path, and its text."""
    from django.db.migrations.loader import MigrationLoader

    from medusa_migrations import conf
    from medusa_migrations.files.owned import django_migrations

    for app in apps.get_app_configs():
        package, _ = MigrationLoader.migrations_module(app.label)
        for name in django_migrations(app.label) or ():
            spec = find_spec(f"{package}.{name}")
            if spec and spec.has_location and spec.origin:
                text = Path(spec.origin).read_text(errors="replace")
                yield f"{app.label}.{name}", f"{package}.{name}", conf.shown_path(spec.origin), text


@register(TAG)
def check_past(**kwargs: Any) -> list[CheckMessage]:
    """What SQL_SINCE says of Django migrations, where it is wrong (E014)."""
    from medusa_migrations import conf

    if _settings_problem() is not None or not conf.get_settings().sql_since:
        return []
    from medusa_migrations.files.past import problems

    return [Error(problem.text, hint=problem.hint, id=f"{TAG}.E014") for problem in problems()]


@register(TAG, deploy=True)
def check_build(**kwargs: Any) -> list[CheckMessage]:
    """A build that is missing, or not of today's sources, before a release (W008): only what is built is run."""
    if not _is_usable():
        return []
    from medusa_migrations.errors import MigrationError
    from medusa_migrations.files.build import build

    try:
        if build(check=True).is_current:
            return []
    except MigrationError:
        return []  # E005 says why
    return [
        checks.Warning(
            N_("The build of the SQL migrations is missing, or differs from the sources."),
            hint=N_("Run migrations_build before the release, or release with migrations_run --build."),
            id=f"{TAG}.W008",
        )
    ]


@register(TAG, Tags.database)
def check_history(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Migrations that changed since they were applied (E009, W010) or failed (W010); an unreadable history (E011)."""
    if not _is_usable():
        return []
    return [message for alias in databases or () for message in _check_history_of(alias)]


def _check_history_of(alias: str) -> list[CheckMessage]:
    from medusa_migrations.database.connect import tenant_schema
    from medusa_migrations.errors import DatabaseError, MigrationError

    if connections[alias].vendor != "postgresql" or tenant_schema(connections[alias]):
        return []
    try:
        found = _findings(alias)
    except DatabaseError as error:
        problem = N_("The history of the SQL migrations cannot be checked. {problem}", problem=error.args[0])
        return [Error(problem, id=f"{TAG}.E011")]
    except MigrationError:
        return []  # E005 or W008 say so, and the command that wants to run them
    return [_message_of(finding, alias) for finding in found if finding.state in ("changed", "failed")]


def _findings(alias: str) -> Sequence[Finding]:
    """What in the history of the database needs repair. Raises DatabaseError, and what `to_run` raises."""
    from medusa_migrations.database.connect import open_session
    from medusa_migrations.database.history import History, is_settled, read_known
    from medusa_migrations.files.build import checksums, to_run

    built = checksums(only_plan=True)
    migrations = () if built else to_run(only_plan=True)
    with open_session(alias) as session:
        history = History(session)
        if is_settled(history, built or {one.id: one.checksum for one in migrations}):
            return ()
        known = read_known(history, to_run(only_plan=True) if built else migrations)
        if not known.changed() and all(row.state == "applied" for row in known.rows.values()):
            return ()
        from medusa_migrations.database.lock import known_and_holder
        from medusa_migrations.database.repair import findings

        known, holder = known_and_holder(history, known.migrations)
        return findings(known, alias, locked=holder is not None)


def _message_of(finding: Finding, alias: str) -> CheckMessage:
    from medusa_migrations import conf

    text = N_("{id} in the database {alias!r}: {problem}.", id=finding.id, alias=alias, problem=finding.problem)
    if finding.state == "changed" and conf.get_settings().run_on_migrate:
        hint = N_("Bring its file back as it was, or, if the database has what it says now: {cure}", cure=finding.cure)
        return Error(text, hint=hint, id=f"{TAG}.E009")
    return checks.Warning(text, hint=finding.cure, id=f"{TAG}.W010")


def _settings_problem() -> str | None:
    from medusa_migrations import conf
    from medusa_migrations.errors import SettingsError

    try:
        conf.get_settings()
    except SettingsError as error:
        return str(error)
    return None


def _labels_with_sources() -> set[str]:
    from medusa_migrations.files.owned import labels_with_sources

    return labels_with_sources()


def _is_usable() -> bool:
    """Whether there is anything to check: SQL migrations, and settings that tell where."""
    return _settings_problem() is None and bool(_labels_with_sources())
