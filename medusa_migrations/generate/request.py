"""What somebody asks of the generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from medusa_migrations.events import Listener, ignore


@dataclass(frozen=True, kw_only=True)
class Request:
    """The options of `medusa_migrations.api.generate`, which describes each and has the defaults."""

    apps: Sequence[str]
    name: str | None = None
    check: bool = False
    dry_run: bool = False
    timestamp: str | None = None
    renames: Sequence[str] = ()
    drop_tables: bool = False
    online: bool = False
    rename_constraints: bool = False
    accept: Callable[[str], bool] = lambda rename: False
    value: Callable[[str, str], str | None] = lambda place, nothing: None
    database: str = "default"
    listener: Listener = ignore
