"""Alembic with op.execute over psycopg2: one transaction for everything, or with `-each` one for each migration."""

from __future__ import annotations

import sys
from pathlib import Path

from ..tools.server import Address
from ..tools.sql import down, up, write
from .base import Peer, Verb, missing_package

_INI = "[alembic]\nscript_location = %(here)s/script\npath_separator = os\n"

# The server's address is in libpq's variables.
_ENV = """\
import os
from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine("postgresql+psycopg2://", poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(
        connection=connection, target_metadata=None, transaction_per_migration=os.environ["TRANSACTION"] == "each"
    )
    with context.begin_transaction():
        context.run_migrations()
"""

_REVISION = """\
from alembic import op

revision = {name!r}
down_revision = {before!r}
branch_labels = None
depends_on = None


def upgrade():
    op.execute('''{up}''')


def downgrade():
    op.execute('''{down}''')
"""


class Alembic(Peer):
    name = "alembic"
    transaction = "all"

    def missing(self) -> str:
        return missing_package("alembic")

    def write(self, folder: Path, count: int) -> None:
        write(folder / "alembic.ini", _INI)
        write(folder / "script/env.py", _ENV)
        for number in range(count):
            name, before = f"r{number:05d}", f"r{number - 1:05d}" if number else None
            text = _REVISION.format(name=name, before=before, up=up(number), down=down(number))
            write(folder / f"script/versions/{name}.py", text)

    def arguments(self, verb: Verb, count: int, address: Address) -> list[str]:
        command = {
            Verb.APPLY: ["upgrade", "head"],
            Verb.NOOP: ["upgrade", "head"],
            Verb.SHOW: ["current"],
            Verb.REVERT_LAST: ["downgrade", "-1"],
            Verb.REVERT_ALL: ["downgrade", "base"],
        }[verb]
        return [sys.executable, "-m", "alembic.config", *command]

    def environment(self) -> dict[str, str]:
        return {"TRANSACTION": self.transaction}


class AlembicEach(Alembic):
    name = "alembic-each"
    transaction = "each"
