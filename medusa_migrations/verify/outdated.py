"""Repeatable migrations that a live database has as they were, which no file tells any more."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from medusa_migrations.files.dist import read_part
from medusa_migrations.messages import N_
from medusa_migrations.migration import MigrationId
from medusa_migrations.plan.backwards import with_dependents
from medusa_migrations.plan.known import Known
from medusa_migrations.results import Difference
from medusa_migrations.sql.makes import made_names
from medusa_migrations.sql.names import folded
from medusa_migrations.sql.tokens import is_name, tokens


class Outdated(NamedTuple):
    """Those that are another today, with those that depend on them, and the `names` of what they make."""

    ids: Collection[MigrationId] = ()
    names: Collection[str] = ()

    @classmethod
    def of(cls, known: Known) -> Outdated:
        """Those of a database. Raises DistError for a file that is not what was built."""
        changed = {one.id for one in known.migrations if known.is_outdated(one)}
        if not changed:
            return cls()
        ids = with_dependents(known, changed, refuse=False)
        found = [known.by_id[id_] for id_ in ids]
        return cls(ids, {name for one in found for name in made_names(read_part(one, one.up))})

    def makes(self, difference: Difference) -> bool:
        """Whether one of them makes, to judge by its name, what differs."""
        return any(name in self.names for name in _names(difference.object))

    def notes(self) -> Iterator[str]:
        """What is to be said of them."""
        if self.ids:
            names = ", ".join(sorted(map(str, self.ids)))
            yield N_(
                "{names}: to be run again, as a file has changed; what is made by that was not compared.", names=names
            )


def _names(text: str) -> set[str]:
    """The names in that of an object, without those in parentheses."""
    return {folded(token) for token in tokens(text.partition("(")[0]) if is_name(token)}
