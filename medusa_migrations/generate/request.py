"""What somebody asks of the generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Request:
    """The options of `medusa_migrations.api.generate`, which describes each and has the defaults."""

    app: str
    name: str | None
    check: bool
    dry_run: bool
    timestamp: str | None
    renames: Sequence[str]
    drop_tables: bool
    accept: Callable[[str], bool]
    value: Callable[[str, str], str | None]
    database: str
