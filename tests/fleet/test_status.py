"""How the targets of a fleet stand."""

from __future__ import annotations

from tests.support.fleets import build, identifier, make_fleet, run_on, tables
from tests.support.projects import Project

HISTORY = "medusa_migrations"


def test_targets_with_the_same_history_are_one_group_and_what_is_wrong_with_one_is_said_in_words(
    project: Project,
) -> None:
    make_fleet(project, *(f"s{number}" for number in range(60)))
    first, second = project.table(1), project.table(2)
    build(project)
    run_on(project, "n3").ok()
    run_on(project, "n4", "--to", first).ok()
    project.sql("DROP SCHEMA s5; CREATE VIEW s6.medusa_migrations AS SELECT 1 AS a")
    project.sql("COMMENT ON TABLE s4.medusa_migrations IS 'History of a schema by medusa_migrations, format 99'")
    status = project.manage("migrations_fleet", "status", "--json").ok().json
    assert status["counts"] == {"targets": 60, "pending": 56, "unusable": 3, "current": 1}
    found = {group["state"]: group for group in status["groups"] if group["state"] != "unusable"}
    assert found["pending"]["pending"] == [first, second]
    assert found["current"]["targets"] == []
    assert len(found["pending"]["targets"]) == found["pending"]["count"] == 56
    messages = {group["targets"][0]: group["error"]["message"] for group in status["groups"] if group["error"]}
    assert "There is no schema 's5'" in messages["n5"]
    assert "is no history of medusa_migrations" in messages["n6"]
    assert "was made by a newer version" in messages["n4"]
    text = project.manage("migrations_fleet", "status", "tenants").ok().stdout
    assert text.startswith(
        "tenants: 60 targets, 1 current, 56 pending, 3 unusable\n  56 pending 2 migrations: n0, n1, n2"
    )
    assert "and 49 more\n" in text
    assert "n59" in project.manage("migrations_fleet", "status", "--all").ok().stdout
    assert "59 targets of tenants not current" in project.manage("migrations_fleet", "status", "--check").error()


def test_a_survey_writes_nothing_and_asks_few_queries(project: Project) -> None:
    make_fleet(project, *(f"s{number}" for number in range(60)))
    project.table(1)
    build(project)
    for number in range(3):
        run_on(project, f"n{number}").ok()
    project.add_settings("DATABASES['default']['OPTIONS'] = {'options': '-c default_transaction_read_only=on'}")
    assert "57 pending" in project.manage("migrations_fleet", "status").ok().stdout
    assert tables(project, "s9") == set()
    assert project.sql("SELECT to_regclass('medusa_fleet_runs')") == [(None,)]


def test_the_order_of_execution_and_failed_rows_make_another_group(project: Project) -> None:
    make_fleet(project, "a", "b", "c")
    id_ = project.table(1)
    build(project)
    for name in ("n0", "n1", "n2"):
        run_on(project, name).ok()
    project.sql(f"UPDATE b.{HISTORY} SET checksum = 'another'; UPDATE c.{HISTORY} SET id = id + 100")
    status = project.manage("migrations_fleet", "status", "--json", "--all").ok().json
    assert [(group["state"], group["targets"]) for group in status["groups"]] == [
        ("current", ["n0", "n2"]),
        ("refused", ["n1"]),
    ]
    assert id_ in status["groups"][1]["error"]["message"]


def test_a_history_that_somebody_has_locked_hides_no_other(project: Project) -> None:
    make_fleet(project, "a", identifier("b").strip('"'))
    project.table(1)
    build(project)
    for name in ("n0", "n1"):
        run_on(project, name).ok()
    connection = project.server.connect(project.database)
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"BEGIN; LOCK TABLE b.{HISTORY}")
            status = project.manage("migrations_fleet", "status", "--json", "--all").ok().json
    finally:
        connection.close()
    assert status["counts"] == {"targets": 2, "current": 1, "unusable": 1}
