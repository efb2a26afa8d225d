"""One order over all apps: by timestamp, and after every `depends`."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from medusa_migrations.errors import OrderError, locate, nearest
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import (
    TIMESTAMP_FORMAT,
    Migration,
    MigrationId,
    dependencies,
    django_dependencies,
    dropped_by,
)


def ordered(migrations: Iterable[Migration], app_labels: Iterable[str]) -> tuple[Migration, ...]:
    """`migrations` in the order in which they run; the repeatable ones are last, as no other depends on one.

    Raises OrderError for a circle, and for a dependency on a migration or an app that is not there.
    """
    by_id = {migration.id: migration for migration in migrations}
    _check_all_exist(by_id, set(app_labels))
    _check_dropped(by_id)
    needed = {id_: set(dependencies(migration)) for id_, migration in by_id.items()}
    order = sort_after(needed, lambda id_: id_.sort_key)
    if len(order) < len(by_id):
        placed = set(order)
        raise OrderError(_circle(by_id, {id_: needed[id_] - placed for id_ in needed.keys() - placed}))
    return tuple(by_id[id_] for id_ in order)


def sort_after(
    needed: Mapping[MigrationId, Collection[MigrationId]], key: Callable[[MigrationId], Any]
) -> list[MigrationId]:
    """The keys of `needed`, each after those that it needs, otherwise by `key`.

    Left out are those in a circle, and those that need one in a circle. A need of what is no key does not count. Those
    with the same `key` stay in the order of `needed`.
    """
    by_key = sorted(needed, key=key)
    place = {id_: number for number, id_ in enumerate(by_key)}
    if all(place.get(other, -1) < place[id_] for id_, others in needed.items() for other in others):
        return by_key  # as nearly always, and in half the time
    return _sorted_after({id_: {other for other in others if other in place} for id_, others in needed.items()}, place)


def _sorted_after(
    waiting_for: Mapping[MigrationId, set[MigrationId]], place: Mapping[MigrationId, int]
) -> list[MigrationId]:
    """As `sort_after`, by their `place` (Kahn's algorithm on a heap)."""
    needed_by: dict[MigrationId, list[MigrationId]] = {}
    for id_, others in waiting_for.items():
        for other in others:
            needed_by.setdefault(other, []).append(id_)
    ready = [(place[id_], id_) for id_, others in waiting_for.items() if not others]
    heapq.heapify(ready)
    order = []
    while ready:
        _, id_ = heapq.heappop(ready)
        order.append(id_)
        for dependent in needed_by.get(id_, ()):
            waiting_for[dependent].discard(id_)
            if not waiting_for[dependent]:
                heapq.heappush(ready, (place[dependent], dependent))
    return order


def _check_all_exist(by_id: Mapping[MigrationId, Migration], app_labels: set[str]) -> None:
    for migration in by_id.values():
        for missing in dependencies(migration):
            if missing not in by_id:
                raise OrderError(
                    N_(
                        "{file}: {id} depends on {missing}, which no installed app has.{hint}\n  {chain} (not there)",
                        file=migration.source,
                        id=migration.id,
                        missing=missing,
                        hint=_hint(missing, by_id, app_labels),
                        chain=" -> ".join([*_needed_by(by_id, migration.id), str(missing)]),
                    )
                )
        for label, name in django_dependencies(migration):
            if label not in app_labels:
                raise OrderError(
                    N_(
                        "{file}: {id} depends on {dependency}, but no installed app has the label {label!r}.{hint}",
                        file=migration.source,
                        id=migration.id,
                        dependency=f"{label}.{name}" if name else label,
                        label=label,
                        hint=nearest(label, app_labels) or _install_hint(label, app_labels),
                    )
                )


def _check_dropped(by_id: Mapping[MigrationId, Migration]) -> None:
    for migration in by_id.values():
        for missing in dropped_by(migration) if migration.drops else ():
            if missing not in by_id:
                hint = nearest(str(missing), (str(id_) for id_ in by_id if id_.is_repeatable))
                raise OrderError(
                    N_(
                        "{place}: there is no {missing}.{hint} Take the line out, or bring the file back; a header is "
                        "no change.",
                        place=_place_of_drops(migration, str(missing)),
                        missing=missing,
                        hint=hint,
                    )
                )


def _place_of_drops(migration: Migration, name: str) -> str:
    """Where the header of `migration` names what it drops."""
    from .sqlfile import depends_places  # only to say where something is wrong
    from .text import decode, read

    text = decode(read(migration.file), migration.source)
    places = depends_places(text, migration.source, "drops")
    start = next(start for start, _, dropped in places if dropped == name)
    return str(locate(migration.source, text, start))


def _hint(missing: MigrationId, there: Iterable[MigrationId], app_labels: set[str]) -> str:
    if missing.app in app_labels:
        return nearest(str(missing), map(str, there)) or _install_hint(missing.app, app_labels)
    return nearest(missing.app, app_labels) or _install_hint(missing.app, app_labels)


def _needed_by(by_id: Mapping[MigrationId, Migration], id_: MigrationId) -> list[str]:
    """A chain of migrations, each depending on the next, that ends in `id_`."""
    parents: dict[MigrationId, list[MigrationId]] = {}
    for other, migration in by_id.items():
        for needed in dependencies(migration):
            parents.setdefault(needed, []).append(other)
    chain: dict[MigrationId, None] = {}
    link: MigrationId | None = id_
    while link is not None:
        chain[link] = None
        link = next((other for other in parents.get(link, ()) if other not in chain), None)
    return [str(one) for one in reversed(chain)]


def _install_hint(label: str, app_labels: set[str]) -> str:
    if label in app_labels:
        return N_(" Mend its `-- migrate:depends` line, or bring the file back.")
    return N_(
        " Add the app with the label {label!r} to INSTALLED_APPS, or mend the `-- migrate:depends` line.", label=label
    )


def _circle(by_id: Mapping[MigrationId, Migration], waiting_for: Mapping[MigrationId, set[MigrationId]]) -> str:
    """The message for the circle that keeps the rest waiting, each link with its file."""
    here = min(waiting_for, key=lambda id_: id_.sort_key)
    path: dict[MigrationId, None] = {}
    while here not in path:
        path[here] = None
        here = min(waiting_for[here], key=lambda id_: id_.sort_key)
    circle = [*itertools.dropwhile(lambda id_: id_ != here, path), here]
    links = joined(
        "\n",
        (
            N_("  {file}: {id} depends on {other}", file=by_id[one].source, id=one, other=other)
            for one, other in itertools.pairwise(circle)
        ),
    )
    return N_(
        "These migrations depend on each other in a circle:\n{links}\nTake one of the `-- migrate:depends` lines out.",
        links=links,
    )


def ahead_warning(ids: Iterable[MigrationId], now: datetime) -> str | None:
    """The warning for a latest timestamp that is more than a day ahead of `now`, or None."""
    latest = max(ids, key=lambda id_: id_.timestamp, default=None)
    if latest is None or latest.timestamp <= (now + timedelta(days=1)).strftime(TIMESTAMP_FORMAT):
        return None
    return N_(
        "{id} has a timestamp more than a day ahead: new migrations are dated after it, and those that others date by "
        "the clock run out of order. Rename it while it is not applied anywhere.",
        id=latest,
    )
