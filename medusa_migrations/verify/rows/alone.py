"""Transactions of ours in the scratch database, in which nothing of a user's is called by its name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from medusa_migrations.database.session import Session

ALONE = "SET LOCAL search_path = pg_catalog, pg_temp"


@contextlib.contextmanager
def alone(session: Session) -> Iterator[None]:
    """Begin a transaction with pg_catalog alone on the search_path, and commit it; roll it back if something fails.

    Strings are read as the standard has them meanwhile, as sql.names.literal writes them.
    """
    session.execute(f"BEGIN; {ALONE}; SET LOCAL standard_conforming_strings = on")
    try:
        yield
        session.execute("COMMIT")
    finally:
        session.rollback()
