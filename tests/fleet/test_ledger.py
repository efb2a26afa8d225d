"""The ledger of fleet runs, in a database."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

from medusa_migrations.errors import DatabaseError, PlanError
from medusa_migrations.fleet.board import Board
from medusa_migrations.fleet.ledger import Begun, Wanted, Work, begin, refuse, runs, shown, taken
from medusa_migrations.fleet.stages import Slot
from medusa_migrations.fleet.writer import Change, LedgerWriter
from medusa_migrations.migration import MigrationId
from medusa_migrations.results import Failure
from tests.support.admin_site import on_databases
from tests.support.projects import Project

BUILD, OTHER_BUILD = "a" * 64, "b" * 64
WANTED = Wanted("tenants", "up", BUILD, {"to": None}, "ada", 1000)
ODD = "Ünï\"q'\\%s {} 東京 " + "x" * 60
ID = MigrationId("blog", "20240101000001_t")


@pytest.fixture
def control(project: Project, django_db_blocker: Any) -> Iterator[Project]:
    """A project whose database is this process's `default`."""
    with django_db_blocker.unblock(), on_databases(project.server, default=project.database):
        yield project


def work(*names: str, canary: int = 1) -> list[Work]:
    return [Work(Slot(name, 0 if at < canary else 1, at), 3) for at, name in enumerate(names)]


def started(*names: str, wanted: Wanted = WANTED, new: bool = False) -> Begun:
    return begin("default", wanted, work(*names or ("a", "b", "c")), new=new)


def states(run: int) -> list[tuple[str, str]]:
    return [(target.name, target.state) for target in shown("default", run)[1]]


def write(begun: Begun, *changes: tuple[str, Change], outcome: str = "", only_last: bool = False) -> None:
    targets = {target.name: target for target in begun.targets}
    with LedgerWriter("default", begun) as writer:
        for name, change in changes:
            writer.change(targets[name], change)
        if outcome:
            writer.end(outcome, only_last=only_last)
    assert writer.behind == ""


def test_a_run_from_its_beginning_to_its_end(control: Project) -> None:
    begun = started("a", ODD, "c")
    assert (begun.is_resumed, begun.run.ended_at, begun.run.targets, begun.run.options) == (
        False,
        None,
        1000,
        {"to": None},
    )
    assert [(one.name, one.stage, one.position, one.state, one.pending) for one in begun.targets] == [
        ("a", 0, 0, "waiting", 3),
        (ODD, 1, 1, "waiting", 3),
        ("c", 1, 2, "waiting", 3),
    ]
    failure = Failure(ID, "it's \0 \\ \ud800 broken", "file.sql", 3, 5, "42703")
    write(
        begun,
        ("a", Change("running")),
        (ODD, Change("running")),
        ("a", Change("done", (str(ID), "blog.2"))),
        (ODD, Change("failed", ("blog.0",), failure, "told\nwhere")),
        outcome="incomplete",
    )
    run, (a, odd, c) = shown("default", begun.run.id)
    assert (run.outcome, run.ended_at is not None, runs("default")) == ("incomplete", True, (run,))
    assert (a.state, a.applied, a.attempt, a.error) == ("done", (str(ID), "blog.2"), 1, "")
    assert a.begun_at is not None
    assert a.ended_at is not None
    assert a.begun_at <= a.ended_at
    assert (odd.name, odd.state, odd.migration, odd.sqlstate) == (ODD, "failed", str(ID), "42703")
    assert odd.error == "it's  \\ ? broken"
    assert (odd.told, odd.file, odd.line) == ("told\nwhere", "file.sql", 3)
    assert (c.state, c.attempt, c.worker, c.begun_at) == ("waiting", 0, "", None)


def test_who_is_at_work_is_said_of_what_has_begun(control: Project) -> None:
    begun = started("a", "b")
    write(begun, ("a", Change("running")))
    a, b = shown("default", begun.run.id)[1]
    assert (a.worker, b.worker) == (f"{socket.gethostname()}:{os.getpid()}", "")


def test_what_waits_for_a_worker_is_taken_by_one_and_by_none_when_it_is_withdrawn_or_done(control: Project) -> None:
    begun = started("a", ODD, "c")
    number = begun.run.id
    assert taken("default", number, "a") is None, "waiting is not wanted yet"
    with Board("default", begun, time.sleep, pytest.fail) as board:
        board.queue("a")
        board.queue(ODD)
        assert board.target("a").state == "queued"
        found = taken("default", number, ODD)
        assert found is not None
        assert (found.run, [one.name for one in found.targets]) == (begun.run, [ODD])
        refuse("default", found, "no")
        assert taken("default", number, ODD) is not None, "another worker may take it"
        write(begun, ("a", Change("running")))
        assert not board.withdraw("a")
        assert board.withdraw(ODD)
        assert [(one.state, one.error) for one in shown("default", number)[1]] == [
            ("running", ""),
            ("waiting", ""),
            ("waiting", ""),
        ]
        board.queue("a")
        assert board.target("a").state == "running", "of one that was killed it is said still"
        assert [one.name for one in board.before(1)] == ["a"]
        write(begun, ("a", Change("done")))
        assert (board.before(1), board.run().ended_at) == ([], None)
    assert taken("default", number, "a") is None
    write(begun, outcome="incomplete")
    assert taken("default", number, ODD) is None
    assert taken("default", number + 1, ODD) is None


def test_the_tables_are_as_designed(control: Project) -> None:
    started()
    indexes = control.sql("SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'medusa_fleet%' ORDER BY indexname")
    assert [definition.partition(" ON ")[2].partition(" USING ")[2] for (definition,) in indexes] == [
        "btree (id)",
        "btree (fleet) WHERE (ended_at IS NULL)",
        'btree (run, state, stage, "position")',
        "btree (run, name)",
    ]
    assert control.sql("SELECT obj_description('medusa_fleet_runs'::regclass)") == [
        ("Fleet runs of medusa_migrations, format 1",)
    ]


def test_nothing_is_written_to_look(control: Project) -> None:
    assert runs("default") == ()
    with pytest.raises(PlanError, match=r"'default' has no fleet run 1\. There are none\."):
        shown("default", 1)
    assert control.tables() == set()


def test_a_run_that_is_not_there_is_named_beside_those_that_are(control: Project) -> None:
    started()
    for run in (2, 10**30, -1):
        with pytest.raises(PlanError, match=rf"has no fleet run {run}\. The last ones are 1\."):
            shown("default", run)


def test_an_unfinished_run_is_resumed_and_what_is_new_goes_behind_the_rest(control: Project) -> None:
    first = started("a", "b")
    write(first, ("a", Change("running")), ("a", Change("failed", ("blog.1",))), ("b", Change("running")))
    again = started("new", "b", "a")
    assert again.is_resumed
    assert again.run == first.run
    assert [(one.name, one.stage, one.position, one.state) for one in again.targets] == [
        ("a", 0, 0, "failed"),
        ("b", 1, 1, "running"),
        ("new", 1, 2, "waiting"),
    ]
    write(again, ("a", Change("running")), ("a", Change("done", ("blog.2",))), outcome="complete")
    a = shown("default", first.run.id)[1][0]
    assert (a.attempt, a.applied, a.error) == (2, ("blog.1", "blog.2"), "")
    assert not started("a").is_resumed


def test_fleets_do_not_disturb_each_other(control: Project) -> None:
    one, other = started(), started(wanted=WANTED._replace(fleet="shards"))
    assert one.run.id != other.run.id
    assert [run.fleet for run in runs("default")] == ["tenants", "shards"]
    assert [run.id for run in runs("default", "shards")] == [other.run.id]
    assert [run.id for run in runs("default", limit=1)] == [other.run.id]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (WANTED._replace(build=OTHER_BUILD), "the build was aaaaaaaaaaaa, and is bbbbbbbbbbbb"),
        (WANTED._replace(direction="down"), "that goes up, this goes down"),
        (WANTED._replace(options={"to": "blog.1"}), 'to was null, and is "blog.1"'),
        (WANTED._replace(options={"only": ["é"]}), 'only was null, and is ["é"]'),
    ],
)
def test_another_run_is_refused_until_the_unfinished_one_is_closed(control: Project, wanted: Wanted, says: str) -> None:
    first = started()
    with pytest.raises(PlanError) as refused:
        started("other", wanted=wanted)
    for part in (f"unfinished run, number {first.run.id}, begun ", " by ada", says, "--new"):
        assert part in str(refused.value)
    assert states(first.run.id) == [("a", "waiting"), ("b", "waiting"), ("c", "waiting")]
    second = started("other", wanted=wanted, new=True)
    assert [(run.id, run.outcome) for run in runs("default")] == [(first.run.id, "incomplete"), (second.run.id, "")]


@pytest.mark.parametrize(
    ("others", "outcome"),
    [
        pytest.param(("waiting", "done"), "", id="one that waits"),
        pytest.param(("running", "done"), "", id="one that is under way"),
        pytest.param(("skipped", "failed"), "incomplete", id="another has failed"),
        pytest.param(("skipped", "done"), "complete", id="all is done"),
    ],
)
def test_of_several_processes_the_last_ends_the_run(control: Project, others: tuple[Any, Any], outcome: str) -> None:
    begun = started()
    changes = [(name, Change(state)) for name, state in zip("ab", others, strict=True) if state != "waiting"]
    write(begun, *changes, ("c", Change("done")), outcome="complete", only_last=True)
    assert shown("default", begun.run.id)[0].outcome == outcome


def test_a_run_that_has_ended_keeps_its_outcome(control: Project) -> None:
    begun = started()
    write(begun, outcome="canary_failed")
    write(begun, outcome="complete")
    assert shown("default", begun.run.id)[0].outcome == "canary_failed"


def test_it_is_beside_the_history(control: Project, settings: Any) -> None:
    settings.MEDUSA_MIGRATIONS = {"HISTORY_SCHEMA": "Ops é"}
    with pytest.raises(DatabaseError, match=r"Cannot write the ledger .* Make the schema"):
        started()
    control.sql('CREATE SCHEMA "Ops é"')
    started()
    assert runs("default")
    tables = "SELECT DISTINCT relnamespace::regnamespace::text FROM pg_class WHERE relname LIKE 'medusa_fleet%'"
    assert control.sql(tables) == [('"Ops é"',)]


def test_it_is_where_the_history_is_found_and_not_where_search_path_begins(control: Project) -> None:
    control.table(1)
    control.run().ok()
    control.sql(f"CREATE SCHEMA first; ALTER DATABASE {control.database} SET search_path TO first, public")
    started()
    control.sql(f"ALTER DATABASE {control.database} SET search_path TO first")
    with pytest.raises(DatabaseError, match="has no history of migrations in its search_path"):
        runs("default")
    control.sql(f"ALTER DATABASE {control.database} RESET search_path")
    assert len(runs("default")) == 1


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("COMMENT ON TABLE medusa_fleet_runs IS 'format 2'", "made by a newer version .*format 2; this one knows 1"),
        ("ALTER TABLE medusa_fleet_targets DROP pending", "made by an older version .* drop medusa_fleet_runs and"),
        ("DROP TABLE medusa_fleet_runs; CREATE TABLE medusa_fleet_runs (id int)", "is not of the ledger .* Rename it"),
        ("DROP TABLE medusa_fleet_runs; CREATE VIEW medusa_fleet_runs AS SELECT 1 AS id", "is not of the ledger"),
        ("DROP TABLE medusa_fleet_targets", "has public.medusa_fleet_runs and not the other table"),
        (
            "CREATE ROLE {name}; ALTER TABLE medusa_fleet_runs OWNER TO {name}",
            "belongs to .* its triggers would run with this user's rights",
        ),
    ],
)
def test_what_is_not_this_ledger_is_refused_in_words(control: Project, sql: str, says: str) -> None:
    started()
    name = f"stranger_{control.database}"
    try:
        control.sql(sql.format(name=name))
        for call in (started, lambda: runs("default")):
            with pytest.raises(DatabaseError, match=f"(?s){says}"):
                call()
    finally:
        if "CREATE ROLE" in sql:
            control.sql(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_without_a_comment_as_from_a_dump_without_them_it_is_taken(control: Project) -> None:
    started()
    control.sql("COMMENT ON TABLE medusa_fleet_runs IS NULL")
    assert started().is_resumed


def test_a_user_who_may_not_make_it_is_told(control: Project) -> None:
    role = f"reader_{control.database}"
    control.sql(f"CREATE ROLE {role}; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    connections["default"].settings_dict["OPTIONS"] = {"options": f"-c role={role}"}
    try:
        with pytest.raises(DatabaseError, match=r"permission denied for schema public\. Nothing was run\. Give this"):
            started()
    finally:
        control.sql(f"DROP ROLE {role}")


def test_a_ledger_that_cannot_be_written_is_an_error_at_the_next_call_or_the_end(control: Project) -> None:
    begun = started()
    control.sql("DROP TABLE medusa_fleet_targets")
    with pytest.raises(DatabaseError, match=r'Cannot write .*"public\.medusa_fleet_targets" does not exist'):
        write(begun, ("a", Change("running")))
