"""What Django's migrations and SQL migrations need of each other, and the one order that follows from it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import NamedTuple

from django.db.migrations import CreateModel, RenameModel
from django.db.migrations.loader import MigrationLoader
from django.utils.timezone import is_naive, make_aware

from medusa_migrations.files.owned import references
from medusa_migrations.files.past import is_after_past
from medusa_migrations.migration import Key, Migration, MigrationId, dependencies, django_dependencies
from medusa_migrations.plan.interleaving import Needs, interleave, reachable, with_declared
from medusa_migrations.plan.known import Known, Row

from .after_sql import AfterSql
from .prerequisites import in_database, named

# Django's history has the time of the client's clock, ours that of the server's.
CLOCK_TOLERANCE = timedelta(minutes=1)


class Left(NamedTuple):
    """An applied SQL migration that `needs` one of Django's; `is_vague` if its header does not name that one."""

    id: MigrationId
    needs: Key
    is_vague: bool


def combined_order(
    loader: MigrationLoader, django: Sequence[Key], pending: Sequence[Migration], chosen: Sequence[Key] | None = None
) -> list[Key]:
    """One order of what is to be applied: `django`, in Django's order, and the `pending` SQL migrations, in theirs.

    With `chosen`, SQL migrations, the order has only those, what they and `django` need, and what has its place before
    some of `django`. The repeatable ones come after all others of both kinds.
    Raises PlanError for a dependency on a migration of Django's that is not there.
    """
    unapplied = sorted(key for key in loader.graph.nodes if key not in loader.applied_migrations)
    timed = [migration for migration in pending if not migration.is_repeatable]
    needs = _needs(loader, unapplied, pending)
    after_sql = AfterSql(loader, {migration.id.app for migration in timed})
    firm = with_declared(needs, _declared(after_sql, unapplied, timed))
    sql = [migration.id for migration in pending]
    if chosen is not None:
        needed = reachable([*django, *chosen, *_passed(loader, django, timed)], _with_referred(firm, pending))
        sql = [id_ for id_ in sql if id_ in needed]
    timed_ids: list[Key] = [id_ for id_ in sql if not id_.is_repeatable]
    repeatable: list[Key] = [id_ for id_ in sql if id_.is_repeatable]
    of_django = [key for id_ in repeatable for key in sorted(firm[id_]) if key in loader.graph.nodes]
    return [*interleave([*django, *of_django], timed_ids, firm, _wants(after_sql, unapplied, timed)), *repeatable]


def referring(loader: MigrationLoader, django: Sequence[Key], labels: Collection[str]) -> list[tuple[Key, str]]:
    """Which of `django` come after the SQL migrations of one of the apps `labels`, each with its label."""
    after_sql = AfterSql(loader, labels)
    return [(key, label) for key in django for label in sorted(after_sql.apps_before(key))]


def left_without(loader: MigrationLoader, unapplying: Collection[Key], known: Known) -> list[Left]:
    """The SQL migrations of the history that need one of Django's that are to be unapplied.

    Their header names it; or, of an app that the header says nothing of, it is of their own app, or makes the table of
    a model that their app's models refer to. Django would drop what they made together with its table (CASCADE). One
    of Django's that was applied after an SQL migration is not needed by it, unless its header says so.
    """
    makers = _makers(loader, {label for label, _ in unapplying})
    refers = {label: references(label) for label in {row.id.app for row in known.rows.values()}}
    found = []
    for row in known.rows.values():
        migration = known.by_id.get(row.id)
        header = django_dependencies(migration) if migration else []
        silent_of = {label for label, _ in unapplying} - {label for label, _ in header}
        exactly = {_in_graph(loader, (label, name)) for label, name in header if name is not None}
        whole_apps = {label for label, name in header if name is None} | ({row.id.app} & silent_of)
        implied = {makers[model] for model in refers[row.id.app] if model in makers and model[0] in silent_of}
        firm = sorted(exactly.intersection(unapplying))
        vague = sorted(
            key for key in unapplying if (key[0] in whole_apps or key in implied) and not _came_later(loader, key, row)
        )
        if firm or vague:
            found.append(Left(row.id, (firm or vague)[0], is_vague=not firm))
    return found


def _came_later(loader: MigrationLoader, key: Key, row: Row) -> bool:
    """Whether one of Django's was applied after an SQL migration, by more than two clocks may differ."""
    applied = getattr(loader.applied_migrations.get(key), "applied", None)
    if applied is None or row.applied_at is None:
        return False
    return bool((make_aware(applied) if is_naive(applied) else applied) > row.applied_at + CLOCK_TOLERANCE)


def _makers(loader: MigrationLoader, labels: Collection[str]) -> dict[tuple[str, str], Key]:
    """For each model of the apps `labels`, by its app and its name of today, the migration that makes its table."""
    makers: dict[tuple[str, str], Key] = {}
    order = (key for leaf in loader.graph.leaf_nodes() for key in loader.graph.forwards_plan(leaf))
    for key in dict.fromkeys(key for key in order if key[0] in labels):
        for operation in in_database(loader.graph.nodes[key].operations):
            if isinstance(operation, CreateModel):
                makers[key[0], operation.name_lower] = key
            elif isinstance(operation, RenameModel) and (key[0], operation.old_name_lower) in makers:
                makers[key[0], operation.new_name_lower] = makers.pop((key[0], operation.old_name_lower))
    return makers


def _passed(loader: MigrationLoader, django: Sequence[Key], pending: Sequence[Migration]) -> list[Key]:
    """The SQL migrations whose place among the migrations of their own app `django` would pass."""
    found: list[Key] = []
    for migration in pending:
        places = [_in_graph(loader, key) for key in named(loader, migration) if key[0] == migration.id.app]
        before = {key for place in places for key in loader.graph.forwards_plan(place)}
        if places and any(key[0] == migration.id.app and key not in before for key in django):
            found.append(migration.id)
    return found


def _needs(loader: MigrationLoader, unapplied: Sequence[Key], pending: Sequence[Migration]) -> dict[Key, set[Key]]:
    """What each must come after: what the migrations name, and of an app's SQL migrations the one before."""
    there = {*unapplied, *(migration.id for migration in pending)}
    needs = {key: {parent.key for parent in loader.graph.node_map[key].parents} & there for key in unapplied}
    last: dict[str, Key] = {}
    for migration in pending:
        others = {*dependencies(migration), *(_in_graph(loader, key) for key in named(loader, migration))}
        if migration.id.app in last:
            others.add(last[migration.id.app])
        needs[migration.id] = others & there
        last[migration.id.app] = migration.id
    return needs


def _declared(after_sql: AfterSql, unapplied: Sequence[Key], pending: Sequence[Migration]) -> dict[Key, list[Key]]:
    """For each of Django's migrations the SQL migrations of the apps that it names, as `("blog", "__first__")`."""
    found: dict[Key, list[Key]] = {}
    for key in unapplied:
        labels = after_sql.apps_before(key)
        if labels:
            found[key] = [migration.id for migration in pending if migration.id.app in labels]
    return found


def _wants(after_sql: AfterSql, unapplied: Sequence[Key], pending: Sequence[Migration]) -> dict[Key, list[Key]]:
    """For each SQL migration those of the apps that its app's models refer to, and of its own app.

    Where its header names one of an app's migrations, that says all of that app. Of an app that was taken over, the
    first that comes after the past wants what other apps have built on that, too.
    """
    labels = {migration.id.app for migration in pending}
    related = {label: {label, *(other for other, _ in references(label))} for label in labels}
    behind = {key: after_sql.apps_behind(key) for key in unapplied} if after_sql.over else {}
    found: dict[Key, list[Key]] = {}
    for migration in pending:
        label = migration.id.app
        wanted = related[label] - {label for label, _ in django_dependencies(migration)}
        found[migration.id] = [key for key in unapplied if key[0] in wanted]
        if is_after_past(migration, after_sql.over):
            found[migration.id] += [key for key, labels in behind.items() if label in labels]
            behind = {key: labels - {label} for key, labels in behind.items()}
    return found


def _with_referred(needs: Needs, pending: Sequence[Migration]) -> dict[Key, set[Key]]:
    """`needs`, and for each SQL migration those before it of apps that its app's models refer to."""
    found = {key: set(others) for key, others in needs.items()}
    refers = {label: references(label) for label in {migration.id.app for migration in pending}}
    last: dict[str, Key] = {}  # which needs those of its app before it
    for migration in pending:
        found[migration.id].update(last[label] for label, _ in refers[migration.id.app] if label in last)
        last[migration.id.app] = migration.id
    return found


def _in_graph(loader: MigrationLoader, key: Key) -> Key:
    """`key`, or in a graph that lacks it what stands for it: the one it was squashed into, or the last of its own."""
    stands_for = [key]
    for one in stands_for:
        if one in loader.graph.nodes:
            return one
        squashed = [squash for squash, migration in loader.replacements.items() if one in migration.replaces]
        own = loader.replacements[one].replaces[-1:] if one in loader.replacements else []
        stands_for += [other for other in (*squashed, *own) if other not in stands_for]
    return key
