"""migrations_import: folders as each tool keeps them become migrations that are built, run and reverted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.builders import files_below
from tests.support.projects import Project

CLASS = """\
module.exports = class {name} {{
  name = "{name}";
  async up(queryRunner) {{
    await queryRunner.query(`{up}`);
    await queryRunner.query("COMMENT ON TABLE \\"{table}\\" IS 'it''s' ");
  }}
  async down(queryRunner) {{ await queryRunner.query('DROP TABLE {table}'); }}
}};
"""


@dataclass(frozen=True)
class Folder:
    """A folder of another tool with two migrations, which make the tables `a` and `b`; `ids` are what they become.

    `history` is what the tool leaves in a database in which only the first is applied, or both where it keeps no more
    than the last version; `applied_at` is that of the first.
    """

    tool: str
    files: Mapping[str, str]
    ids: tuple[str, str]
    history: str
    applied_at: str | None = None


UP, DOWN = "CREATE TABLE {} (id int)", "DROP TABLE {}"

DBMATE = Folder(
    "dbmate",
    {
        "20251007_000001_add_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a;\n",
        "20251209_add b.sql": (
            "-- migrate:up transaction:false\nCREATE TABLE b (id int);\n-- migrate:down\nDROP TABLE b;\n"
        ),
        "README.md": "no migration",
    },
    ("blog.20251007000001_add_a", "blog.20251209000000_add_b"),
    "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);"
    "INSERT INTO schema_migrations VALUES ('20251007');",
)

FLYWAY = Folder(
    "flyway",
    {
        "V1__Add a.sql": "BEGIN;\nCREATE TABLE a (id int);\nCOMMIT;\n",
        "U1__Add a.sql": "DROP TABLE a;\n",
        "older/V1.1__add_b.sql": "CREATE TABLE b (id int);\nCREATE INDEX CONCURRENTLY b_ix ON b (id);\n",
        "U1.1__add_b.sql": "DROP TABLE b",
        "U1.1__add_b.sql.conf": "executeInTransaction=false\n",
    },
    ("blog.20000102000000_Add_a", "blog.20000102000100_add_b"),
    "CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50), description varchar(200),"
    " type varchar(20), script varchar(1000), checksum int, installed_by varchar(100), installed_on timestamp,"
    " execution_time int, success bool);"
    "INSERT INTO flyway_schema_history VALUES"
    " (1, '1', 'Add a', 'SQL', 'V1__Add a.sql', 1, 'me', '2024-05-06 07:08:09', 12, true),"
    " (2, '1.1', 'add b', 'SQL', 'V1.1__add_b.sql', 1, 'me', '2024-05-06 07:08:10', 12, true),"
    " (3, '1.1', 'add b', 'UNDO_SQL', 'U1.1__add_b.sql', 1, 'me', '2024-05-06 07:08:11', 12, true);",
    "2024-05-06 07:08:09",
)

GOLANG = Folder(
    "golang-migrate",
    {
        "000001_a.up.sql": "BEGIN;\n\nCREATE TABLE a (id int);\n\nCOMMIT;\n",
        "000001_a.down.sql": "DROP TABLE a",
        "000002_b.up.sql": "CREATE TABLE b (id int)",
        "000002_b.down.sql": "DROP TABLE b;",
    },
    ("blog.20000101000001_a", "blog.20000101000002_b"),
    "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);"
    "INSERT INTO schema_migrations VALUES (1, false);",
)

GOOSE = Folder(
    "goose",
    {
        "00001_a.sql": (
            "-- +goose Up\nCREATE TABLE a (id int);\n-- +goose StatementBegin\nDO $$ BEGIN\n  PERFORM 1;\nEND $$\n"
            "-- +goose StatementEnd\n\n-- +goose Down\nDROP TABLE a;\n"
        ),
        "20240102030405_b.sql": (
            "-- +goose NO TRANSACTION\n-- +goose up\nCREATE TABLE b (id int);\nCREATE INDEX CONCURRENTLY ON b (id);\n"
            "-- +goose down\nDROP TABLE b;\n"
        ),
        "embed.go": "package migrations",
    },
    ("blog.20000101000001_a", "blog.20240102030405_b"),
    "CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint, is_applied boolean,"
    " tstamp timestamp DEFAULT now());"
    "INSERT INTO goose_db_version (version_id, is_applied, tstamp) VALUES (0, true, '2024-01-01'),"
    " (1, true, '2024-05-06 07:08:09');",
    "2024-05-06 07:08:09",
)

CLASSES = Folder(
    "typeorm",
    {
        "1690000000000-AddA.js": CLASS.format(name="AddA1690000000000", table="a", up=UP.format("a")),
        "1690000000001-AddB.js": CLASS.format(name="AddB1690000000001", table="b", up=UP.format("b")),
        "tsconfig.json": "{}",
    },
    ("blog.20230722042640_add_a", "blog.20230722042641_add_b"),
    "CREATE TABLE migrations (id serial PRIMARY KEY, timestamp bigint NOT NULL, name varchar NOT NULL);"
    "INSERT INTO migrations (timestamp, name) VALUES (1690000000000, 'AddA1690000000000');",
)

FOLDERS = [DBMATE, FLYWAY, GOLANG, GOOSE, CLASSES]


def put(project: Project, files: Mapping[str, str]) -> Path:
    """The files in a folder `theirs` of the project."""
    folder = project.folder / "theirs"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def command(tool: str, *options: str) -> tuple[str, ...]:
    return ("migrations_import", tool, "theirs", "--app", "blog", *options)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.tool)
def test_what_is_imported_is_built_run_and_reverted(project: Project, folder: Folder) -> None:
    theirs = put(project, folder.files)
    before = files_below(theirs)
    done = project.manage_several(
        command(folder.tool),
        ("migrations_build",),
        ("migrations_run",),
        ("migrations_revert", "--all", "--no-input"),
        ("migrations_run",),
    ).ok()
    assert f"Imported 2 migrations of {folder.tool} into 'blog'" in done.stdout
    assert "to be looked at" not in done.stderr
    assert project.applied() == list(folder.ids)
    assert project.tables() == {"a", "b"}
    assert files_below(theirs) == before


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.tool)
def test_what_the_tool_has_applied_is_recorded_with_its_time_and_the_rest_is_run(
    project: Project, folder: Folder
) -> None:
    put(project, folder.files)
    project.sql(f"ALTER DATABASE {project.database} SET TimeZone = 'Asia/Tokyo'; CREATE TABLE a (id int);")
    project.sql(folder.history)
    first, second = folder.ids
    done = project.manage_several(
        command(folder.tool, "--history", "--dry-run"),
        command(folder.tool, "--history"),
        command(folder.tool, "--history"),
        ("migrations_build",),
        ("migrations_run",),
    ).ok()
    assert "Would record 1 migration as applied in the database 'default'" in done.stdout
    assert "Imported 0 migrations of" in done.stdout
    assert "2 migrations there already, left as they are" in done.stdout
    assert project.applied() == [first, second]
    at = "to_char(applied_at AT TIME ZONE 'Asia/Tokyo', 'YYYY-MM-DD HH24:MI:SS')"
    recorded = project.sql(f"SELECT {at}, applied_at < now() FROM medusa_migrations ORDER BY id LIMIT 1")[0]
    assert recorded == (folder.applied_at or recorded[0], True)
    journal = "SELECT action, message, app || '.' || name FROM medusa_migrations_log ORDER BY id LIMIT 1"
    assert project.sql(journal) == [("faked", f"applied by {folder.tool}", first)]


UNSETTLED = [
    (GOLANG, "UPDATE schema_migrations SET dirty = true", "golang-migrate has left version 1 dirty"),
    (FLYWAY, "UPDATE flyway_schema_history SET success = false", "The history of Flyway has V1__Add a.sql as failed"),
    (GOOSE, "UPDATE goose_db_version SET is_applied = false", "of version 1 that it is not applied"),
    (DBMATE, "ALTER TABLE schema_migrations ADD dirty boolean", "is not a history of dbmate"),
    (CLASSES, "ALTER TABLE migrations RENAME TO others", "There is no table 'migrations'"),
]


@pytest.mark.parametrize(("folder", "change", "problem"), UNSETTLED, ids=[one[0].tool for one in UNSETTLED])
def test_a_history_that_is_not_settled_stops_it_before_anything_is_written(
    project: Project, folder: Folder, change: str, problem: str
) -> None:
    put(project, folder.files)
    project.sql(folder.history + change)
    assert problem in project.manage(*command(folder.tool, "--history")).error()
    assert files_below(project.folder / "blog/sql_migrations") == {}
    assert project.history() == []


# What no tool writes, and a person may have.
STRANGE = [
    ("a version of dbmate", DBMATE, "ALTER TABLE schema_migrations DROP CONSTRAINT schema_migrations_pkey;"
     "ALTER TABLE schema_migrations ALTER version DROP NOT NULL; UPDATE schema_migrations SET version = NULL",
     "'schema_migrations', the history of dbmate in the database 'default', has a row in which version is NULL"),
    ("a version of golang-migrate", GOLANG, "ALTER TABLE schema_migrations DROP CONSTRAINT schema_migrations_pkey;"
     "ALTER TABLE schema_migrations ALTER version DROP NOT NULL; UPDATE schema_migrations SET version = NULL",
     "has a row in which version is NULL"),
    ("a version of golang-migrate that is no number", GOLANG, "ALTER TABLE schema_migrations ALTER version TYPE text;"
     "UPDATE schema_migrations SET version = 'x'", 'invalid input syntax for type bigint: "x"'),
    ("a version of goose", GOOSE, "UPDATE goose_db_version SET version_id = NULL", "in which version_id is NULL"),
    ("a flag of goose", GOOSE, "UPDATE goose_db_version SET is_applied = NULL", "in which is_applied is NULL"),
    ("a name of typeorm", CLASSES, "ALTER TABLE migrations ALTER name DROP NOT NULL; UPDATE migrations SET name = NULL",
     "in which name is NULL"),
    ("a type of Flyway", FLYWAY, "UPDATE flyway_schema_history SET type = NULL", "in which type is NULL"),
    ("a version of Flyway", FLYWAY, "UPDATE flyway_schema_history SET version = '1.x'", "with the version '1.x'"),
    ("a duration of Flyway", FLYWAY, "ALTER TABLE flyway_schema_history ALTER execution_time TYPE numeric;"
     "UPDATE flyway_schema_history SET execution_time = 1e30", "bigint out of range"),
]  # fmt: skip


@pytest.mark.parametrize(("folder", "change", "problem"), [one[1:] for one in STRANGE], ids=[one[0] for one in STRANGE])
def test_a_row_that_no_tool_writes_is_refused_in_words(
    project: Project, folder: Folder, change: str, problem: str
) -> None:
    put(project, folder.files)
    project.sql(folder.history + change)
    assert problem in project.manage(*command(folder.tool, "--history")).error()
    assert project.history() == []


@pytest.mark.parametrize("at", ["NULL", "'infinity'", "'-infinity'", "'0044-03-15 BC'", "'20000-01-01'"])
def test_a_time_that_cannot_be_is_that_of_the_import(project: Project, at: str) -> None:
    put(project, GOOSE.files)
    project.sql(f"{GOOSE.history} UPDATE goose_db_version SET tstamp = {at}")
    project.manage(*command("goose", "--history")).ok()
    assert project.sql("SELECT now() - applied_at < interval '1 hour' FROM medusa_migrations") == [(True,)]


def test_an_import_that_is_killed_leaves_no_half_of_a_file(project: Project) -> None:
    """The next one would take that for what is there already."""
    put(project, {"1_a.up.sql": f"SELECT '{'x' * 5_000_000}';\n"})
    made = project.folder / "blog/sql_migrations"
    run = project.start(*command("golang-migrate"))
    while not any(made.iterdir()):
        assert run.poll() is None
    run.kill()
    run.communicate()
    assert [path.stat().st_size for path in made.glob("*.sql") if path.stat().st_size < 5_000_000] == []
    assert "Imported " in project.manage(*command("golang-migrate")).ok().stdout
    assert [path.stat().st_size > 5_000_000 for path in made.glob("*.sql")] == [True]


def test_a_table_with_another_name_and_what_has_no_file_are_told(project: Project) -> None:
    put(project, DBMATE.files)
    project.sql(
        'CREATE SCHEMA "Ops"; CREATE TABLE "Ops".versions (version text);'
        "INSERT INTO \"Ops\".versions VALUES ('20251209'), ('2019')"
    )
    done = project.manage(*command("dbmate", "--history", "Ops.versions", "--json")).ok()
    assert (done.json["recorded"], done.json["unknown"]) == ([DBMATE.ids[1]], ["2019"])
    assert "Applied by dbmate in the database 'default', and there is no file of: 2019" in done.stderr
    failed = project.manage(*command("goose", "--json"))
    assert (failed.code, "is a migration of dbmate" in failed.json["error"]["message"]) == (1, True)


def test_places_stop_a_run_until_they_are_settled(project: Project) -> None:
    put(
        project,
        {"V1__a.sql": "CREATE TABLE a (id int);\nCOMMENT ON TABLE a IS '${who}';\n", "R__views.sql": "SELECT 1;"},
    )
    done = project.manage(*command("flyway")).ok()
    assert "theirs/V1__a.sql:2: ${who} is a placeholder: write what it stands for." in done.stderr
    assert "Next: settle what is to be looked at" in done.stdout
    error = project.run().error()
    assert "theirs/V1__a.sql:2: ${who} is a placeholder" in error
    assert project.tables() == set()
    project.sql(FLYWAY.history.replace("V1__Add a.sql", "V1__a.sql").replace("Add a", "a"))
    unsettled = project.manage(*command("flyway", "--history")).error()
    assert "blog/sql_migrations/20000102000000_a.sql: still to be looked at" in unsettled
    assert project.history() == []
    path = project.folder / "blog/sql_migrations/20000102000000_a.sql"
    settled = "".join(line for line in path.read_text().splitlines(True) if not line.startswith(("DO", "-- Imported")))
    path.write_text(settled.replace("${who}", "me"))
    project.run().ok()
    again = project.manage(*command("flyway")).ok()
    assert path.read_text() == settled.replace("${who}", "me")
    assert "${who}" not in again.stderr
