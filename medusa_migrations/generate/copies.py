"""The copies of an app's tables on which a draft is proven."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .scope import Scope
from .scratch import Scratch
from .tables import Tables
from .watch import CopyWatch


@dataclass(frozen=True)
class Copies:
    """The tables `names` of a scratch.

    `watch` is that of the up part, and `was` has the old names of renamed tables.
    """

    scratch: Scratch
    watch: CopyWatch
    scope: Scope
    names: Collection[str]
    was: Mapping[str, str]

    def compared(self, tables: Tables | None = None) -> Tables:
        """What of the tables is compared, as they are now; `tables` are they where they have been read."""
        if tables is None:
            tables = self.scratch.read(self.names)
        return self.scope.compared(
            {name: table for name, table in tables.items() if name in self.names},
            whole=self.scope.extra_tables,
            was=self.was,
        )
