"""The Django migrations of the apps that SQL has taken over: their past, which SQL_SINCE ends."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib import import_module
from typing import NamedTuple

from django.db.migrations import Migration as DjangoMigration
from django.db.migrations.loader import MigrationLoader

from medusa_migrations import conf
from medusa_migrations.errors import SettingsError, most_like
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Key, Migration, MigrationId, django_dependencies

from .owned import django_migrations, taken_over

_SETTING = f"{conf.NAME}['SQL_SINCE']"


class Problem(NamedTuple):
    """What is wrong with an app of SQL_SINCE, and what to do."""

    text: str
    hint: str


def after_past(migrations: tuple[Migration, ...]) -> tuple[Migration, ...]:
    """`migrations`, in which those of an app that was taken over depend on the last of its Django migrations.

    Where a header names one of the app's own, it says which. Raises SettingsError for an end that is none.
    """
    last = taken_over()
    for label in last:
        _refuse(_wrong_name(label, last[label]))
    return tuple(_after(one, last.get(one.id.app)) for one in migrations)


def _after(migration: Migration, last: str | None) -> Migration:
    own = migration.id.app
    if last is None or any(label == own for label, _ in django_dependencies(migration)):
        return migration
    return migration._replace(depends=(*migration.depends, f"{own}.{last}"))


def is_after_past(migration: Migration, last: Mapping[str, str]) -> bool:
    """Whether a migration comes after the whole past of its app, whose end `last` tells; False of any other app's."""
    app = migration.id.app
    return app in last and not {(app, last[app]), (app, None)}.isdisjoint(django_dependencies(migration))


def is_over(label: str, last: str, applied: Collection[str]) -> bool:
    """Whether the past of an app is over where its migrations `applied` are; a squashed one is what it replaces."""
    if last in applied:
        return True
    migrations = _imported(label)
    replaced = _own(label, migrations[last].replaces)
    squashed = [name for name, migration in migrations.items() if last in _own(label, migration.replaces)]
    return bool(replaced and {*replaced} <= {*applied}) or not {*squashed}.isdisjoint(applied)


def problems() -> Iterator[Problem]:
    """What is wrong with the apps of SQL_SINCE. Their Django migrations are imported."""
    for label, last in taken_over().items():
        problem = _wrong_name(label, last) or _wrong_end(label, last, _imported(label))
        if problem:
            yield problem


def check_past(migrations: Mapping[Key, DjangoMigration]) -> None:
    """Raise SettingsError if SQL_SINCE is wrong about Django's `migrations`, which are loaded."""
    for label, last in taken_over().items():
        own = {name: migration for (app, name), migration in migrations.items() if app == label}
        _refuse(_wrong_name(label, last) or _wrong_end(label, last, own))


def _refuse(problem: Problem | None) -> None:
    if problem:
        raise SettingsError(joined(" ", problem))


def _wrong_name(label: str, last: str) -> Problem | None:
    names = django_migrations(label)
    if not names:
        return Problem(
            N_("{setting} names {app!r}, which has no Django migrations.", setting=_SETTING, app=label),
            N_("Take it out: the tables of such an app are SQL's from the start."),
        )
    if last not in names:
        near = most_like(last, names)
        return Problem(
            N_(
                "{setting} says {last!r} of {app!r}, which has no such Django migration.",
                setting=_SETTING,
                last=last,
                app=label,
            ),
            N_("Did you mean {known!r}?", known=near)
            if near
            else N_("Its last one by name is {last}.", last=names[-1]),
        )
    if MigrationId.parse(f"{label}.{last}"):
        return Problem(
            N_(
                "{setting} ends those of {app!r} with {last}, which is named as SQL migrations are.",
                setting=_SETTING,
                app=label,
                last=last,
            ),
            N_("Add one behind it, with makemigrations {app} --empty --name last, and name that.", app=label),
        )
    return None


def _wrong_end(label: str, last: str, migrations: Mapping[str, DjangoMigration]) -> Problem | None:
    """What is wrong if `last` is not the last of an app's `migrations`, or not the only one."""
    others = sorted(migrations.keys() - _with_all_before(label, last, migrations))
    behind = [name for name in others if last in _with_all_before(label, name, migrations)]
    if behind:
        return Problem(
            N_(
                "{app}.{name} is a Django migration behind {last}, with which {setting} ends those of {app!r}.",
                app=label,
                name=behind[0],
                last=last,
                setting=_SETTING,
            ),
            N_(
                "Write what it does as SQL, with makemigration {app} NAME, and delete it; or, if databases have it "
                "already, set SQL_SINCE to {newest!r}.",
                app=label,
                newest=others[-1],
            ),
        )
    if others:
        return Problem(
            N_(
                "The Django migrations of {app!r} do not all come before {last}, with which {setting} ends them: "
                "{names}.",
                app=label,
                last=last,
                setting=_SETTING,
                names=", ".join(others),
            ),
            N_(
                "Take {app!r} out of SQL_SINCE, run makemigrations --merge, and name the migration that it writes.",
                app=label,
            ),
        )
    return None


def _with_all_before(label: str, name: str, migrations: Mapping[str, DjangoMigration]) -> set[str]:
    """`name` and what of its app comes before it; a squashed migration and those that it replaces are the same."""
    squashed = {one: _own(label, migration.replaces) for one, migration in migrations.items() if migration.replaces}
    found: set[str] = set()
    todo = [name]
    while todo:
        one = todo.pop()
        if one in found:
            continue
        found.add(one)
        if one in migrations:
            todo += _own(label, (*migrations[one].dependencies, *migrations[one].replaces))
        else:  # it was deleted when it was squashed
            todo += [squash for squash, replaced in squashed.items() if one in replaced]
        todo += [squash for squash, replaced in squashed.items() if found.issuperset(replaced)]
    return found


def _own(label: str, keys: Iterable[Key]) -> list[str]:
    return [key[1] for key in keys if key[0] == label]


def _imported(label: str) -> dict[str, DjangoMigration]:
    """The Django migrations of an app by name; a file without one is left to Django's commands to tell."""
    package, _ = MigrationLoader.migrations_module(label)
    found = {
        name: getattr(import_module(f"{package}.{name}"), "Migration", None) for name in django_migrations(label) or ()
    }
    return {name: migration(name, label) for name, migration in found.items() if migration}
