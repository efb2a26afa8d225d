"""What somebody asks of a baseline."""

from __future__ import annotations

from typing import NamedTuple

from medusa_migrations.database.interruption import Interruption
from medusa_migrations.events import Listener


class Request(NamedTuple):
    """The options of `medusa_migrations.api.baseline`, which describes each and has the defaults."""

    apps: tuple[str, ...]
    name: str
    database: str
    dry_run: bool
    timestamp: str | None
    scratch: str | None
    listener: Listener
    interruption: Interruption
