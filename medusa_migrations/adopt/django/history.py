"""Django's history of what it has applied: of all apps, in one table."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.migrations.loader import MigrationLoader

from ..tool import Applied, HistoryTable


def history_of(loader: MigrationLoader, label: str) -> HistoryTable:
    """The history of the app's migrations, in which a squashed one may stand by those that it replaces."""
    replaces = {
        key[1]: [name for app, name in squash.replaces if app == label]
        for key, squash in loader.replacements.items()
        if key[0] == label
    }
    columns = ("app::text", "name::text", "applied::timestamptz")
    return HistoryTable("django_migrations", columns, "id", functools.partial(_read, label, replaces))


def _read(
    label: str, replaces: Mapping[str, Sequence[str]], rows: Sequence[tuple[Any, ...]], keys: Sequence[str]
) -> list[Applied]:
    """What is applied of the app, in that order; a squashed migration where the last was that it replaces."""
    there = {name: number for number, (app, name, _) in enumerate(rows) if app == label}
    found = {key: number for key in keys if (number := _row_of(key, replaces, there)) is not None}
    stood_for = {name for key in found for name in _replaced(key, replaces)}
    found |= {name: number for name, number in there.items() if name not in {*found, *stood_for}}
    return [Applied(key, rows[number][2]) for key, number in sorted(found.items(), key=lambda one: one[1])]


def _row_of(key: str, replaces: Mapping[str, Sequence[str]], there: Mapping[str, int]) -> int | None:
    """The number of a migration's row; of a squashed one without its own, of the last row of those that it replaces."""
    if key in there or key not in replaces:
        return there.get(key)
    parts = [_row_of(name, replaces, there) for name in replaces[key]]
    numbers = [number for number in parts if number is not None]
    return max(numbers) if numbers and len(numbers) == len(parts) else None


def _replaced(key: str, replaces: Mapping[str, Sequence[str]]) -> set[str]:
    """What a squashed migration replaces, and what those replace that are squashed themselves."""
    direct = set(replaces.get(key, ()))
    return direct | {name for one in direct for name in _replaced(one, replaces)}
