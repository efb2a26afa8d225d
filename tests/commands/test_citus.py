"""Where the extension Citus is, statements go one by one, and all else is as it is without."""

from __future__ import annotations

import signal

import pytest

from medusa_migrations.sql.scanner import split
from tests.faults.test_network import through
from tests.fleet.test_databases import BACKFILL, python_file
from tests.fleet.test_run import end
from tests.fleet.test_schemas import BOTH
from tests.support.citus import make_citus, offer_citus
from tests.support.fleets import history_of, make_fleet, tables
from tests.support.network import Proxy
from tests.support.projects import BLOCKED, SLEEPING, UNLOCKED, UNTIL_GO, Project

COPY = "COPY c FROM stdin"
PROPAGATE = "SET citus.propagate_set_commands = 'local'"

PYTHON = """\
from django.db import models

def up(schema):
    schema.create_table("p", {"id": models.IntegerField(primary_key=True)})
    schema.create_table("q", {"id": models.IntegerField(primary_key=True)})
    schema.add_column("q", "n", models.IntegerField(null=True))
    schema.alter_column("q", "n", models.IntegerField(null=True), models.IntegerField(default=7))
    schema.create_foreign_key("q", "n", "p", "id")
    schema.query("CREATE TABLE r (id int); CREATE INDEX r_id ON r (id)")

def down(schema):
    schema.query("DROP TABLE r; DROP TABLE q; DROP TABLE p")
"""

WITHOUT = """\
transaction = False

def up(schema):
    schema.query("CREATE TABLE w (id int); CREATE INDEX w_id ON w (id)")
    with schema.transaction():
        schema.query("CREATE TABLE v (id int)")

def down(schema):
    schema.query("DROP TABLE v; DROP TABLE w")
"""


@pytest.fixture
def citus(project: Project) -> Project:
    make_citus(project)
    return project


def several(project: Project, number: int, body: str = "") -> str:
    """A migration of several statements; gives its id."""
    id_ = f"blog.2024010100{number:04d}_t{number}"
    up = f"CREATE TABLE t{number} (id int);\nCREATE INDEX i{number} ON t{number} (id); -- one; more\n{body}"
    project.write(id_, up, f"DROP INDEX i{number};\nDROP TABLE t{number};")
    return id_


def all_kinds(project: Project) -> list[str]:
    """Migrations of every kind that can share a transaction."""
    ids = [several(project, 1, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;")]
    ids.append("blog.20240101000002_c")
    project.write(
        ids[-1], "CREATE TABLE c (id int);\nCOPY c FROM stdin;\n1\n2\n\\.\nCREATE INDEX ci ON c (id);", "DROP TABLE c;"
    )
    ids.append(python_file(project, "20240101000003_p", PYTHON))
    ids.append(several(project, 4))
    project.write("blog.R__view", "DROP VIEW IF EXISTS v1; CREATE VIEW v1 AS SELECT id FROM t1;", "DROP VIEW v1;")
    return [*ids, "blog.R__view"]


def test_what_stands_for_citus_refuses_what_citus_does(citus: Project) -> None:
    with pytest.raises(Exception, match="cannot execute multiple utility events"):
        citus.sql("BEGIN; CREATE TABLE a (); COMMIT")
    citus.sql("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; SELECT 2 $$; -- a; b")


@pytest.mark.parametrize("mode", ["all", "each", "none"])
def test_every_mode_there_and_back(citus: Project, mode: str) -> None:
    ids = all_kinds(citus)
    if mode != "all":
        ids[-1:-1] = [python_file(citus, "20240101000005_b", BACKFILL), python_file(citus, "20240101000006_w", WITHOUT)]
        id_ = "blog.20240101000007_i"
        up = "CREATE INDEX CONCURRENTLY ix ON t1 (id);\nBEGIN;\nCREATE TABLE own ();\nCREATE TABLE own2 ();\nCOMMIT;"
        citus.write(id_, up, "DROP TABLE own;\nDROP TABLE own2;\nDROP INDEX ix;", option=" transaction:false")
        ids.insert(-1, id_)
    options = ("--transaction", mode, "--lock-timeout", "20s")
    with Proxy(citus.server) as proxy:
        citus.run(*options, env=through(citus, proxy.port)).ok()
        assert citus.applied() == ids
        back = citus.manage("migrations_revert", "--all", "--no-input", *options, env=through(citus, proxy.port))
        sent = proxy.queries()
    back.ok()
    assert citus.applied() == []
    assert citus.tables() == set()
    behind = [messages[messages.index(PROPAGATE) :] for messages in sent if PROPAGATE in messages]
    assert len(behind) == 2  # of the run, and of the revert
    assert [one for messages in behind for one in messages if one != COPY and len(split(one)) > 1] == []
    assert all(messages.count(PROPAGATE) > len(ids) for messages in behind)  # RESET ALL resets it
    timeouts = [one for messages in behind for one in messages if one.endswith("SET LOCAL lock_timeout = '20s'")]
    assert len(timeouts) >= (2 if mode == "none" else len(ids))


def test_a_failure_is_shown_where_it_is(citus: Project) -> None:
    several(citus, 1)
    citus.write("blog.20240101000002_b", "CREATE TABLE b (id int);\nSELECT 1;\nSELECT 1,\n  nothing FROM b;")
    for mode in ("each", "all", "none"):
        message = citus.run("--transaction", mode).error()
        assert 'column "nothing" does not exist (SQLSTATE 42703)' in message
        assert "blog/sql_migrations/20240101000002_b.sql:5:3\n" in message
        assert citus.tables() == {"all": {"t1"}, "each": {"t1"}, "none": {"t1", "b"}}[mode]


def test_the_extension_may_come_by_the_first_migration_of_the_run(project: Project) -> None:
    offer_citus(project)
    project.write("blog.20240101000000_x", "CREATE EXTENSION citus;\nCREATE TABLE x ();", "DROP TABLE x;")
    ids = [several(project, 1), several(project, 2)]
    project.run("--transaction", "all").ok()
    assert project.applied() == ["blog.20240101000000_x", *ids]


def test_a_run_on_a_worker_is_refused_in_words(citus: Project) -> None:
    several(citus, 1)
    citus.sql("UPDATE pg_dist_local_group SET groupid = 2")
    message = citus.run().error()
    assert "is a worker of a Citus cluster (its group is 2). Nothing was run" in message
    assert "Point this alias at the coordinator." in message
    assert citus.sql("SELECT to_regclass('medusa_migrations')") == [(None,)]
    assert citus.locks() == 0


def test_a_baseline_whose_tables_are_there_is_recorded(citus: Project) -> None:
    citus.sql("CREATE TABLE t1 (id int)")
    citus.sql("CREATE INDEX i1 ON t1 (id)")
    id_ = several(citus, 1)
    path = citus.folder / citus.source(id_)
    path.write_text("-- migrate:baseline\n" + path.read_text())
    citus.run().ok()
    assert citus.applied() == [id_]


def test_a_fleet_of_schemas_and_a_new_one(citus: Project) -> None:
    make_fleet(citus, "t1", "t2")
    ids = [several(citus, 1), several(citus, 2)]
    citus.settings["FLEETS"]["tenants"]["TARGETS"].append({"name": "n2", "schema": "t3"})
    citus.configure()
    commands = [
        ("migrations_fleet", "create", "n2"),
        ("migrations_fleet", "run"),
        ("migrations_fleet", "revert", "--run", "1"),
    ]
    citus.manage_several(("migrations_build",), *commands).ok()
    assert tables(citus, "t1") == tables(citus, "t2") == BOTH
    assert tables(citus, "t3") == {*BOTH, "t1", "t2"}
    assert history_of(citus, "t3") == [(id_, "applied") for id_ in ids]


def test_a_lock_timeout_is_tried_again(citus: Project) -> None:
    citus.sql("CREATE TABLE held ()")
    id_ = several(citus, 1, "ALTER TABLE held ADD a int;")
    connection = citus.server.connect(citus.database)
    with connection.cursor() as cursor:
        cursor.execute("BEGIN; LOCK held")
        run = citus.start("migrations_run", "--build", "--lock-timeout", "300ms", "--retries", "9")
        citus.wait_for(BLOCKED)
        citus.wait_for(f"NOT {BLOCKED}")
        cursor.execute("COMMIT")
    connection.close()
    assert "was rolled back" in end(run).ok().stderr
    assert citus.applied() == [id_]


@pytest.mark.parametrize("option", ["", " transaction:false"])
@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGKILL])
def test_one_that_is_stopped_between_its_statements_leaves_nothing_half(
    citus: Project, with_signal: signal.Signals, option: str
) -> None:
    citus.sql("CREATE TABLE go ()")
    id_ = "blog.20240101000001_a"
    citus.write(id_, f"CREATE TABLE a ();\n{UNTIL_GO}\nCREATE TABLE b ();", option=option)
    run = citus.start("migrations_run", "--build")
    citus.wait_for(SLEEPING)
    run.send_signal(with_signal)
    run.communicate()
    citus.wait_for(f"NOT {SLEEPING} AND {UNLOCKED}")
    assert citus.tables() == ({"go", "a"} if option else {"go"})
    assert citus.applied() == []
    citus.sql("INSERT INTO go DEFAULT VALUES")
    citus.manage("migrations_run").ok()
    assert citus.tables() == {"go", "a", "b"}
    assert citus.applied() == [id_]


@pytest.mark.parametrize("cut_after", [False, True], ids=["before the server has it", "after the server has it"])
def test_a_connection_that_is_cut_at_the_history_leaves_nothing(citus: Project, cut_after: bool) -> None:
    citus.table(1)
    citus.run().ok()
    id_ = several(citus, 2)
    citus.manage("migrations_build").ok()
    with Proxy(citus.server) as proxy:
        proxy.cut_at, proxy.cut_after = b"INSERT INTO public.medusa_migrations (", cut_after
        assert id_ in citus.manage("migrations_run", env=through(citus, proxy.port)).error()
    citus.wait_for(UNLOCKED)
    assert citus.tables() == {"t1"}
    citus.manage("migrations_run").ok()
    assert citus.applied()[1:] == [id_]


def test_an_invalid_index_is_dropped_concurrently_and_made_again(citus: Project) -> None:
    citus.sql("CREATE TABLE a AS SELECT 1 AS id UNION ALL SELECT 1")
    citus.write("blog.20240101000001_i", "CREATE UNIQUE INDEX CONCURRENTLY i ON a (id);", option=" transaction:false")
    assert "could not create unique index" in citus.run().error()
    citus.sql("DELETE FROM a WHERE ctid = '(0,1)'")
    outcome = citus.manage("migrations_run").ok()
    assert "Dropping the index public.i, which was left invalid" in outcome.stderr + outcome.stdout
    assert citus.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") == [(True,)]


def test_without_it_a_migration_is_one_message_and_to_know_it_costs_none(project: Project) -> None:
    def messages(*commands: tuple[str, ...]) -> int:
        with Proxy(project.server) as proxy:
            project.manage_several(*commands, env=through(project, proxy.port)).ok()
            return max(len(one) for one in proxy.queries())

    build, run = ("migrations_build",), ("migrations_run",)
    several(project, 1)
    messages(build, run)
    several(project, 2)
    one = messages(build, run)
    for number in (3, 4, 5):
        several(project, number)
    assert messages(build, run) == one + 2
    nothing = messages(run)
    make_citus(project)
    assert messages(run) == nothing
