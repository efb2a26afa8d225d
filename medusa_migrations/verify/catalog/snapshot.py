"""All objects of a database as values, read in one statement that the server has planned once."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Collection, Mapping
from typing import NamedTuple

from medusa_migrations.database import postgresql
from medusa_migrations.database.session import Session, hold_sql
from medusa_migrations.generate.catalog import print_plainly

from .query import catalog_query

# Names with their schema, constants printed alike in every session, and one plan that is kept. On a small database that
# plan takes longer than all that is read with it, and a tenth of it is to find out what merges would cost. With many
# objects too they are no faster than hashes.
_SETTINGS = """
SET search_path = pg_catalog, pg_temp; SET timezone = 'UTC'; SET lc_monetary = 'C'; SET jit = off;
SET plan_cache_mode = force_generic_plan; SET max_parallel_workers_per_gather = 0; SET enable_mergejoin = off;
"""

# Timeouts of a role are for what its application sends.
_NO_TIMEOUTS = f"SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; {hold_sql()}"

_numbers = itertools.count(1)


class Thing(NamedTuple):
    """An object: its `kind` is one word, its `name` has the schema, quoted where SQL needs it."""

    kind: str
    name: str


class Snapshot(NamedTuple):
    """All objects of a database at one moment.

    `things` has their attributes, as the JSON text that the server wrote: equal text is equal. `identity` has the OID
    of each relation, an index included, and the number of each column, and of each attribute of a composite type: what
    was made anew has another. It is never compared between databases.
    """

    things: Mapping[Thing, str]
    identity: Mapping[Thing, int]


class Reader:
    """Takes snapshots over a session that nothing else is sent over, except to begin and end a transaction."""

    def __init__(self, session: Session, without: Collection[str] = ()) -> None:
        """`without` are tables, by their names as a Thing has them, that are left out with all that belongs to them.

        Raises django.db.Error, StopRequested.
        """
        self._session = session
        self._statement = f"medusa_snapshot_{next(_numbers)}"
        major = postgresql.server_version(session.connection) // 10000
        session.execute(_NO_TIMEOUTS)
        print_plainly(session)
        names = session.compose("%s::text[]", [sorted(without)])
        session.execute(f"{_SETTINGS} PREPARE {self._statement} AS {catalog_query(major, names)}")

    def read(self, last: Snapshot | None = None) -> Snapshot:
        """The objects that there are now; what is equal in `last` is shared with it, so that it takes no memory twice.

        Raises django.db.Error, StopRequested.
        """
        rows = self._session.query(f"EXECUTE {self._statement}")
        things = dict(last.things) if last else {}
        identity: dict[Thing, int] = {}
        seen = set()
        for kind, name, number, text in rows:
            thing = Thing(sys.intern(kind), name)
            seen.add(thing)
            if things.get(thing) != text:
                things[thing] = text
            if number is not None:
                identity[thing] = number
        for gone in things.keys() - seen:
            del things[gone]
        return Snapshot(things, identity)
