"""TypeORM's command line: one transaction for everything, or with `-each` one for each migration."""

from __future__ import annotations

from pathlib import Path

from ..tools.server import Address
from ..tools.sql import down, up, write
from .base import NODE_MODULES, Peer, Verb, missing_node

_FIRST = 1_700_000_000_000  # milliseconds, as it names its classes

_SOURCE = """\
const {{ DataSource }} = require("{modules}/typeorm");
module.exports = new DataSource({{
  type: "postgres", url: process.env.DATABASE_URL,
  migrations: [__dirname + "/m/*.js"], migrationsTransactionMode: process.env.TRANSACTION,
}});
"""

_MIGRATION = """\
module.exports = class {name} {{
  name = "{name}";
  async up(runner) {{ await runner.query(`{up}`); }}
  async down(runner) {{ await runner.query(`{down}`); }}
}};
"""


class TypeOrm(Peer):
    name = "typeorm"
    transaction = "all"

    def missing(self) -> str:
        return missing_node(".bin/typeorm")

    def write(self, folder: Path, count: int) -> None:
        write(folder / "source.js", _SOURCE.format(modules=NODE_MODULES))
        for number in range(count):
            text = _MIGRATION.format(name=f"B{number}{_FIRST + number}", up=up(number), down=down(number))
            write(folder / f"m/{_FIRST + number}-B{number}.js", text)

    def arguments(self, verb: Verb, count: int, address: Address) -> list[str]:
        command = {
            Verb.APPLY: "migration:run",
            Verb.NOOP: "migration:run",
            Verb.SHOW: "migration:show",
            Verb.REVERT_LAST: "migration:revert",
        }.get(verb)
        return [str(NODE_MODULES / ".bin/typeorm"), command, "-d", "source.js"] if command else []

    def environment(self) -> dict[str, str]:
        return {"TRANSACTION": self.transaction}


class TypeOrmEach(TypeOrm):
    name = "typeorm-each"
    transaction = "each"
