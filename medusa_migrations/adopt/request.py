"""What somebody asks of an import."""

from __future__ import annotations

from typing import NamedTuple

from medusa_migrations.database.interruption import Interruption
from medusa_migrations.events import Listener, ignore


class Request(NamedTuple):
    """The options of `medusa_migrations.api.import_from`, which describes each.

    `history` is the name of the tool's table, "" for its usual one, None to leave it alone.
    """

    tool: str
    source: str
    app: str
    dry_run: bool = False
    history: str | None = None
    database: str = "default"
    scratch: str | None = None
    listener: Listener = ignore
    interruption: Interruption | None = None
