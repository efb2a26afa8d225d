"""What Django's migrations and the SQL migrations need of each other, and the order that follows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.apps import apps
from django.db.migrations import CreateModel
from django.db.migrations.loader import MigrationLoader

from .interleaving import Key, interleave, reachable, with_declared
from .migration import Migration, MigrationId
from .ordering import dependencies, django_dependencies
from .owned import references
from .prerequisites import named


def combined_order(
    loader: MigrationLoader, django: Sequence[Key], pending: Sequence[Migration], chosen: Collection[Key] | None = None
) -> list[Key]:
    """One order of what is not applied: `django`, in Django's order, and the `pending` SQL migrations, in theirs.

    With `chosen` only those of `pending`, and what they and `django` need. Raises PlanError for a dependency on a
    migration of Django's that is not there.
    """
    unapplied = sorted(key for key in loader.graph.nodes if key not in loader.applied_migrations)
    needs = _needs(loader, unapplied, pending)
    firm = with_declared(needs, _declared(loader, unapplied, pending))
    sql = [migration.id for migration in pending]
    if chosen is not None:
        needed = reachable([*django, *chosen], firm)
        sql = [id_ for id_ in sql if id_ in needed]
    return interleave(django, sql, firm, _wants(unapplied, pending))


def left_without(
    loader: MigrationLoader, unapplying: Collection[Key], applied: Iterable[Migration]
) -> dict[MigrationId, Key]:
    """The `applied` SQL migrations that need one of Django's that are to be unapplied, and that one.

    Their header names it, or it makes the table of a model that the models of their app refer to.
    """
    makes = {
        (label, operation.name_lower): (label, name)
        for label, name in unapplying
        for operation in loader.graph.nodes[label, name].operations
        if isinstance(operation, CreateModel)
    }
    installed = {app.label for app in apps.get_app_configs()}
    found = {}
    for migration in applied:
        header = django_dependencies(migration)
        whole_apps = {label for label, name in header if name is None}
        exactly = {_in_graph(loader, (label, name)) for label, name in header if name is not None}
        below = [key for key in sorted(unapplying) if key in exactly or key[0] in whole_apps]
        if migration.id.app in installed:
            below += [makes[model] for model in sorted(references(migration.id.app)) if model in makes]
        if below:
            found[migration.id] = below[0]
    return found


def _needs(loader: MigrationLoader, unapplied: Sequence[Key], pending: Sequence[Migration]) -> dict[Key, set[Key]]:
    """What each is to come after in any case: as the migrations say, and within an app in the order of its files."""
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


def _declared(loader: MigrationLoader, unapplied: Sequence[Key], pending: Sequence[Migration]) -> dict[Key, list[Key]]:
    """For each of Django's migrations the SQL migrations of the apps that it names, as `("blog", "__first__")`."""
    made_by_sql = {migration.id.app for migration in pending} - {label for label, _ in loader.graph.nodes}
    found: dict[Key, list[Key]] = {}
    for key in unapplied:
        labels = {label for label, _ in loader.graph.nodes[key].dependencies} & made_by_sql
        if labels:
            found[key] = [migration.id for migration in pending if migration.id.app in labels]
    return found


def _wants(unapplied: Sequence[Key], pending: Sequence[Migration]) -> dict[Key, list[Key]]:
    """For each SQL migration those of the apps that its app's models refer to, and of its own app.

    Where its header names one of an app's migrations, that says all of that app.
    """
    labels = {migration.id.app for migration in pending}
    installed = {app.label for app in apps.get_app_configs()}
    related = {label: {label, *(other for other, _ in references(label))} for label in labels & installed}
    found: dict[Key, list[Key]] = {}
    for migration in pending:
        wanted = related.get(migration.id.app, set()) - {label for label, _ in django_dependencies(migration)}
        found[migration.id] = [key for key in unapplied if key[0] in wanted]
    return found


def _in_graph(loader: MigrationLoader, key: Key) -> Key:
    """`key`, or in a graph that lacks it what stands for it: the one it was squashed into, or the last of its own."""
    stands_for = [key]
    for one in stands_for:
        if one in loader.graph.nodes:
            return one
        stands_for += [squash for squash, migration in loader.replacements.items() if one in migration.replaces]
    replaced = loader.replacements[key].replaces if key in loader.replacements else ()
    return replaced[-1] if replaced else key
