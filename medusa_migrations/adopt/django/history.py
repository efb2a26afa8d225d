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
    """What is applied of the app; a squashed migration with the time of the last that it replaces."""
    applied = {name: Applied(name, at) for app, name, at in rows if app == label}
    for key in reversed(keys):  # one that replaces squashed ones stands for those that they replace
        if key not in applied and (whole := _whole(key, replaces, applied)):
            applied[key] = whole
    stood_for = {name for key in keys if key in applied for name in _replaced(key, replaces)}
    return [one for one in applied.values() if one.key in keys or one.key not in stood_for]


def _whole(key: str, replaces: Mapping[str, Sequence[str]], applied: Mapping[str, Applied]) -> Applied | None:
    """A squashed migration that is applied because all that it replaces are."""
    parts = [applied.get(name) or _whole(name, replaces, applied) for name in replaces.get(key, ())]
    there = [part for part in parts if part]
    if not there or len(there) < len(parts):
        return None
    last = max(there, key=lambda part: list(applied).index(part.key) if part.key in applied else -1)
    return Applied(key, last.at)


def _replaced(key: str, replaces: Mapping[str, Sequence[str]]) -> set[str]:
    """What a squashed migration replaces, and what those replace that are squashed themselves."""
    direct = set(replaces.get(key, ()))
    return direct | {name for one in direct for name in _replaced(one, replaces)}
