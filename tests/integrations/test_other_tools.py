"""migrations_import beside the tools themselves: the same schema, the same rows, the same history.

Folders in each tool's own conventions are in tests/scenarios/import: `applied` by the tool before the import, `pending`
then. What the tool makes of them alone is what the import has to make of them. npm has the tools, and PyPI the newest
dbmate: `npm install --no-package-lock` in benchmarks/peers, and `pip install -e '.[peers]'`.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers.base import NODE_MODULES
from medusa_migrations.verify.catalog.difference import differences, noted
from medusa_migrations.verify.catalog.snapshot import Reader, Snapshot
from tests.support.builders import files_below
from tests.support.projects import ROOT, Outcome, Project
from tests.support.sessions import session_on
from tests.support.slow import sampled

FOLDERS = ROOT / "tests/scenarios/import"
OURS = {"medusa_migrations", "medusa_migrations_log"}


class Other(ABC):
    """A tool that works on the folder `theirs` of a project.

    `tool` is its name for the import, `folder` that of its files, and `table` has its history: by `column`, with the
    times in `at`, where it has any.
    """

    tool: str
    folder: str
    table: str
    column = "name"
    at = ""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def missing(self) -> str:
        """What has to be installed for it; nothing if it is there."""

    @abstractmethod
    def up(self, project: Project) -> None:
        """Apply all that the folder has."""

    @abstractmethod
    def down(self, project: Project) -> None:
        """Undo all that `up` has applied."""

    @abstractmethod
    def make(self, project: Project, up: str, down: str) -> None:
        """A further migration, made by the tool's own command where it has one."""

    def history(self, project: Project) -> list[str]:
        return [key for (key,) in project.sql(f"SELECT {self.column} FROM {self.table} ORDER BY 1")]


def run(project: Project, *arguments: str, check: bool = True) -> Outcome:
    """The outcome of another program, with the address of the project's database."""
    given = project.server.parameters
    address = f"postgres://{given['user']}@/{project.database}?host={given['host']}&port={given['port']}"
    environment = os.environ | {
        "DATABASE_URL": f"{address}&sslmode=disable",
        "NODE_PATH": str(NODE_MODULES),
        "PGHOST": str(given["host"]),
        "PGPORT": str(given["port"]),
        "PGUSER": str(given["user"]),
        "PGDATABASE": project.database,
    }
    done = subprocess.run(arguments, cwd=project.folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 or not check, done
    return Outcome(done.returncode, done.stdout, done.stderr)


def _missing(pattern: str) -> str:
    if not shutil.which("node"):
        return "Node"
    return "" if next(NODE_MODULES.glob(pattern), None) else "npm install --no-package-lock in benchmarks/peers"


class Dbmate(Other):
    tool, folder, table, column = "dbmate", "dbmate", "schema_migrations", "version"

    def __init__(self, name: str, program: Path | None, install: str) -> None:
        super().__init__(name)
        self.program, self.install = program, install

    def missing(self) -> str:
        return "" if self.program and self.program.exists() else self.install

    def call(self, project: Project, command: str, *, check: bool = True) -> Outcome:
        return run(
            project, str(self.program), "--no-dump-schema", "-d", "theirs", *command.split(maxsplit=1), check=check
        )

    def up(self, project: Project) -> None:
        self.call(project, "migrate")

    def down(self, project: Project) -> None:
        for _ in self.history(project):
            self.call(project, "rollback")

    def make(self, project: Project, up: str, down: str) -> None:
        before = set((project.folder / "theirs").iterdir())
        self.call(project, "new further_things")
        (made,) = set((project.folder / "theirs").iterdir()) - before
        text = made.read_text()
        assert text == "-- migrate:up\n\n\n-- migrate:down\n\n"
        made.write_text(text.replace("\n\n\n", f"\n{up}\n\n").replace("down\n", f"down\n{down}\n"))


# Node does not run TypeScript: as tsc would, but without a look at types. Targets differ in how they write fields.
_TRANSPILE = """
const ts = require("typescript"), fs = require("fs"), [from, to, target] = process.argv.slice(1)
fs.mkdirSync(to, { recursive: true })
for (const name of fs.readdirSync(from).filter((name) => name.endsWith(".ts"))) {
  const options = { compilerOptions: { target, module: "CommonJS", moduleDetection: "force" } }
  const { outputText } = ts.transpileModule(fs.readFileSync(`${from}/${name}`, "utf8"), options)
  fs.writeFileSync(`${to}/${name.replace(/ts$/, "js")}`, outputText)
}
"""


def transpile(project: Project, to: str = "compiled", target: str = "ES2022") -> None:
    shutil.rmtree(project.folder / to, ignore_errors=True)
    run(project, "node", "-e", _TRANSPILE, "theirs", to, target)


class TypeOrm(Other):
    tool, folder, table = "typeorm", "typeorm", "migrations"

    SOURCE = """
const { DataSource } = require("typeorm")
module.exports = new DataSource({
  type: "postgres", url: process.env.DATABASE_URL, migrations: [__dirname + "/compiled/*.js"],
})
"""

    # As its migration:revert does, which undoes one, and takes most of its time to start.
    UNDO = """
const source = require("./source.js")
async function main(times) {
  await source.initialize()
  while (times--) await source.undoLastMigration({ transaction: "each" })
  await source.destroy()
}
main(Number(process.argv[1])).catch((error) => { console.error(error); process.exit(1) })
"""

    def missing(self) -> str:
        return _missing(".bin/typeorm") or _missing("typescript")

    def call(self, project: Project, command: str, *arguments: str) -> None:
        run(project, str(NODE_MODULES / ".bin/typeorm"), f"migration:{command}", *arguments)

    def up(self, project: Project) -> None:
        (project.folder / "source.js").write_text(self.SOURCE)
        transpile(project)
        self.call(project, "run", "-d", "source.js", "-t", "each")

    def down(self, project: Project) -> None:
        run(project, "node", "-e", self.UNDO, str(len(self.history(project))))

    def make(self, project: Project, up: str, down: str) -> None:
        self.call(project, "create", "theirs/FurtherThings")
        (made,) = (project.folder / "theirs").glob("*-FurtherThings.ts")
        queries = iter((up, down))
        body = re.compile(r"\{\n    \}")
        made.write_text(
            body.sub(lambda _: f"{{\n        await queryRunner.query(`{next(queries)}`)\n    }}", made.read_text())
        )


class MikroOrm(Other):
    """What Medusa runs the migrations of its modules with."""

    tool, folder, table, at = "typeorm", "medusa", "mikro_orm_migrations", "executed_at"

    SCRIPT = """
const { MikroORM } = require("@mikro-orm/postgresql"), { Migrator } = require("@mikro-orm/migrations")
const clientUrl = `postgres://${process.env.PGUSER}@localhost:${process.env.PGPORT}/${process.env.PGDATABASE}`
async function main(command, options) {
  const orm = await MikroORM.init({
    clientUrl, entities: [], discovery: { warnWhenNoEntities: false }, extensions: [Migrator],
    driverOptions: { connection: { host: process.env.PGHOST } },
    migrations: { path: "compiled", glob: "*.js", snapshot: false, silent: true, allOrNothing: false },
  })
  await orm.getMigrator()[command](options)
  await orm.close()
}
main(process.argv[1], JSON.parse(process.argv[2])).catch((error) => { console.error(error); process.exit(1) })
"""

    def missing(self) -> str:
        return _missing("@mikro-orm/migrations") or _missing("typescript")

    def up(self, project: Project) -> None:
        transpile(project)
        run(project, "node", "-e", self.SCRIPT, "up", "{}")

    def down(self, project: Project) -> None:
        run(project, "node", "-e", self.SCRIPT, "down", json.dumps({"to": 0}))

    def make(self, project: Project, up: str, down: str) -> None:
        name = "Migration20250102030405"
        (project.folder / f"theirs/{name}.ts").write_text(
            f'import {{ Migration }} from "@mikro-orm/migrations"\nexport class {name} extends Migration {{\n'
            f"  async up() {{ this.addSql('{up}') }}\n  async down() {{ this.addSql('{down}') }}\n}}\n"
        )


NPM = Dbmate(
    "dbmate of npm",
    next(NODE_MODULES.glob("@dbmate/*/bin/dbmate"), None),
    "npm install --no-package-lock in benchmarks/peers",
)
PYPI = Dbmate("dbmate of PyPI", Path(sys.executable).with_name("dbmate"), "pip install -e '.[peers]'")
OTHERS: list[Other] = [NPM, PYPI, TypeOrm("typeorm"), MikroOrm("medusa")]


def need(other: Other) -> None:
    if missing := other.missing():
        pytest.skip(f"{other.name} is not there: {missing}")


@pytest.fixture
def databases(project: Project, django_db_blocker: Any) -> Iterator[Callable[[str], Project]]:
    """The project on a further database of its own, which is empty."""
    made: list[str] = []

    def make(name: str) -> Project:
        other = copy.copy(project)
        other.database = f"{project.database}_{name}"
        project.server.create_database(other.database)
        made.append(other.database)
        return other

    with django_db_blocker.unblock():
        yield make
    for name in made:
        project.server.drop_database(name)


def put(project: Project, source: Path) -> None:
    """The files of a folder into `theirs`."""
    shutil.copytree(source, project.folder / "theirs", dirs_exist_ok=True)


def imported(project: Project, other: Other, *options: str) -> Outcome:
    arguments = ("migrations_import", other.tool, "theirs", "--app", "blog", "--json", *options)
    return project.manage(*arguments).ok()


def state(project: Project, other: Other) -> tuple[Snapshot, dict[str, list[str]]]:
    """All that the database has but the histories: its objects, and the rows of its tables."""
    left_out = {*OURS, other.table}
    with session_on(project.server, project.database) as session:
        snapshot = Reader(session, without=[f"public.{name}" for name in left_out]).read()
    tables = project.tables() - left_out
    rows = {name: [row for (row,) in project.sql(f'SELECT t::text FROM "{name}" t ORDER BY 1')] for name in tables}
    return snapshot, rows


def assert_same(theirs: Project, ours: Project, other: Other) -> None:
    (before, their_rows), (after, our_rows) = state(theirs, other), state(ours, other)
    assert [one for one in differences(before, after) if not noted(one)] == []
    assert our_rows == their_rows


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: other.name)
def test_an_import_makes_what_the_tool_makes(
    project: Project, databases: Callable[[str], Project], other: Other
) -> None:
    need(other)
    theirs, beside, empty = databases("theirs"), databases("beside"), databases("empty")
    put(project, FOLDERS / other.folder / "applied")
    other.up(beside)
    applied = other.history(beside)
    put(project, FOLDERS / other.folder / "pending")
    other.up(theirs)

    done = imported(beside, other, "--history", other.table)
    assert len(done.json["recorded"]) == len(applied) > 0
    assert done.json["unknown"] == []
    assert len(done.json["migrations"]) == len(other.history(theirs)) > len(applied)
    assert [id_ for id_, _ in beside.history()] == done.json["recorded"]
    if other.at:
        recorded = beside.sql("SELECT applied_at FROM medusa_migrations ORDER BY id")
        assert recorded == beside.sql(f"SELECT {other.at} FROM {other.table} ORDER BY id")

    beside.run().ok()
    assert_same(theirs, beside, other)
    empty.run().ok()
    assert_same(theirs, empty, other)
    assert beside.applied() == empty.applied() == [one["id"] for one in done.json["migrations"]]

    other.down(theirs)
    for ours in (beside, empty):
        ours.manage("migrations_revert", "--all", "--no-input").ok()
        assert_same(theirs, ours, other)
        assert ours.applied() == []


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: other.name)
def test_what_the_tool_makes_after_an_import_can_be_imported_too(
    project: Project, databases: Callable[[str], Project], other: Other
) -> None:
    need(other)
    put(project, FOLDERS / other.folder / "applied")
    imported(project, other)
    project.run().ok()
    sources = project.folder / "blog/sql_migrations"
    before = files_below(sources)

    other.make(project, "CREATE TABLE further (id int)", "DROP TABLE further")
    new = [one["id"] for one in imported(project, other).json["migrations"] if one["new"]]
    assert len(new) == 1
    assert before.items() < files_below(sources).items()
    project.run().ok()
    assert project.applied()[-1:] == new
    theirs = databases("theirs")
    other.up(theirs)
    assert_same(theirs, project, other)


SEVERAL = "theirs/20240106120000_several.sql"


def test_several_pairs_are_one_migration_as_they_are_for_dbmate(
    project: Project, databases: Callable[[str], Project]
) -> None:
    need(PYPI)
    theirs = databases("theirs")
    for part in ("applied", "pending", "several"):
        put(project, FOLDERS / "dbmate" / part)
    PYPI.up(theirs)
    imported(project, PYPI)
    project.run().ok()
    assert_same(theirs, project, PYPI)
    PYPI.call(theirs, "rollback")
    PYPI.call(theirs, "rollback")
    project.manage("migrations_revert", "--steps", "2", "--no-input").ok()
    assert_same(theirs, project, PYPI)


def test_of_several_pairs_an_older_dbmate_has_run_the_first_alone_and_that_is_told(project: Project) -> None:
    need(NPM)
    for part in ("applied", "several"):
        put(project, FOLDERS / "dbmate" / part)
    assert "duplicate key" in NPM.call(project, "migrate", check=False).stderr
    assert "[X] 20240106120000_several.sql" in NPM.call(project, "status").stdout
    assert "tags" in project.tables()
    assert "tagged" not in project.tables()
    for _ in range(2):
        done = imported(project, NPM, "--history")
        (place,) = done.json["places"]
        assert (place["file"], place["line"]) == (SEVERAL, 7)
        assert f"{SEVERAL}:7: dbmate before 2.37 runs the first of several pairs of parts alone" in done.stderr


@pytest.mark.parametrize("target", sampled(["ES5", "ES2015", "ES2017", "ES2022"]))
@pytest.mark.parametrize("other", [one for one in OTHERS if one.tool == "typeorm"], ids=lambda other: other.name)
def test_what_is_compiled_gives_the_same_as_its_source(project: Project, other: Other, target: str) -> None:
    need(other)
    for part in ("applied", "pending"):
        put(project, FOLDERS / other.folder / part)
    imported(project, other)
    sources = project.folder / "blog/sql_migrations"
    of_source = files_below(sources)
    shutil.rmtree(sources)
    sources.mkdir()
    transpile(project, "javascript", target)
    shutil.rmtree(project.folder / "theirs")
    (project.folder / "javascript").rename(project.folder / "theirs")
    imported(project, other)
    assert files_below(sources) == of_source
