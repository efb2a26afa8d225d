"""The journal: what happened, release by release, and what goes back by it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.support.copies import copied, original
from tests.support.journals import applied_by_journal, entries
from tests.support.projects import Project, Server

ONE, TWO, THREE = (f"blog.2024010100000{number}_t{number}" for number in (1, 2, 3))


def log(project: Project, *arguments: str) -> list[dict[str, object]]:
    document = project.manage("migrations_show", "--log", *arguments, "--json").ok().json
    assert document["database"] == "default"
    found: list[dict[str, object]] = document["entries"]
    return found


@pytest.mark.smoke
def test_all_that_happens_is_kept(project: Project) -> None:
    project.table(1)
    project.manage_several(
        ("migrations_build", "--release", "v1"),
        ("migrations_run",),
        ("migrations_revert",),
        ("migrations_run", "--fake", "--build"),
        ("migrations_revert", "--fake"),
        ("migrations_repair", "--mark-applied", ONE),
    ).ok()
    project.write(TWO, "SELECT 1/0;", option=" transaction:false")
    project.run(env={"MEDUSA_RELEASE": "v2"}).error()
    project.manage("migrations_repair", "--mark-reverted", TWO).ok()
    (project.folder / "blog/sql_migrations/20240101000001_t1.sql").rename(
        project.folder / "blog/sql_migrations/20240101000001_new.sql"
    )
    renamed = ("migrations_repair", "--renamed", f"{ONE}=blog.20240101000001_new")
    project.manage_several(("migrations_build",), renamed).ok()
    found = log(project)
    assert [(one["action"], one["id"], one["release"]) for one in found] == [
        ("applied", ONE, "v1"),
        ("reverted", ONE, "v1"),
        ("faked", ONE, None),
        ("faked", ONE, None),
        ("repaired", ONE, None),
        ("failed", TWO, "v2"),
        ("repaired", TWO, None),
        ("renamed", "blog.20240101000001_new", None),
    ]
    failed = found[5]
    assert failed["sqlstate"] == "22012"
    assert failed["message"] == "blog/sql_migrations/20240101000002_t2.sql:2: division by zero"
    assert all(one["process"] and one["database_user"] and one["applied_by"] for one in found)
    assert isinstance(found[0]["duration_ms"], int)
    assert len({one["run"] for one in found}) == len(found)
    assert applied_by_journal(project) == set(project.applied()) == {"blog.20240101000001_new"}
    assert project.sql("SELECT count(*) FROM medusa_migrations_log WHERE database = current_database()") == [(8,)]


def test_the_last_entries_are_listed_in_words(project: Project) -> None:
    assert project.manage("migrations_show", "--log").ok().stdout == "(no entries)\n"
    for number in (1, 2, 3):
        project.table(number)
    project.add_app("shop")
    project.run(env={"MEDUSA_RELEASE": "v1"}).ok()
    (line,) = project.manage("migrations_show", "--log", "1").ok().stdout.splitlines()
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]+"
    assert re.fullmatch(rf"{moment} applied  {THREE} \(\d+ ms, by \S+, from \S+:\d+, release v1\)", line)
    assert [one["id"] for one in log(project, "2")] == [TWO, THREE]
    second = log(project)[1]["at"]
    assert [one["id"] for one in log(project, "--since", str(second))] == [THREE]
    assert log(project, "--since", "2999-01-01") == []
    outcome = project.manage_several(
        ("migrations_show", "shop", "--log"), ("migrations_show", "blog", "--since", "2001-01-01 12:00")
    ).ok()
    assert outcome.stdout.startswith("(no entries)\n")
    assert outcome.stdout.count("applied") == 3


@pytest.mark.smoke
def test_without_use_tz_moments_have_the_time_zone_of_the_project(project: Project) -> None:
    project.add_settings("USE_TZ = False\nTIME_ZONE = 'Asia/Kathmandu'")
    project.table(1)
    project.run(env={"MEDUSA_RELEASE": "v1"}).ok()
    outcome = project.manage_several(
        ("migrations_show",), ("migrations_show", "--log"), ("migrations_revert", "--since", "2001-01-01", "--plan")
    ).ok()
    assert outcome.stdout.count("+0545") == 2
    assert f"  {ONE}\n" in outcome.stdout
    assert re.search(r"v1 \(.* \+0545\)", project.manage("migrations_revert", "--to-release", "v2").error())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--log", "0"], "limit is 0: it must be from 1"),
        (["--log", "99999999999999999999"], "it must be from 1 to 999,999,999"),
        (["--log", "--since", "yesterday"], "'yesterday' is no moment. Write one as '2026-11-28 14:00'"),
        (["--since", "2026-02-30"], "'2026-02-30' is no moment"),
        (["--since", "9999-12-31T23:59-23:59"], "'9999-12-31T23:59-23:59' is no moment"),
        (["--log", "--check"], "cannot go with --log"),
        (["blgo", "--log"], "There is no app with the label 'blgo'. Did you mean 'blog'?"),
    ],
)
def test_what_is_no_entry_is_said(project: Project, arguments: list[str], message: str) -> None:
    assert message in project.manage("migrations_show", *arguments).error()


def test_an_app_behind_log_is_told_where_it_stands(project: Project) -> None:
    outcome = project.manage("migrations_show", "--log", "blog")
    assert outcome.code == 2
    assert "'blog' is no number of entries. An app stands before it: blog --log" in outcome.stderr


@pytest.mark.parametrize("mode", ["all", "none"])
def test_in_every_mode_journal_and_history_agree(project: Project, mode: str) -> None:
    project.write(ONE, "SELECT pg_sleep(0.05);", "SELECT 1;")
    project.table(2)
    project.run("--transaction", mode).ok()
    assert entries(project) == [("applied", ONE), ("applied", TWO)]
    durations = "SELECT duration_ms FROM medusa_migrations{} ORDER BY id"
    assert all(
        abs(a - b) <= 1 for (a,), (b,) in zip(*(project.sql(durations.format(x)) for x in ("", "_log")), strict=True)
    )
    project.write(THREE, "SELECT 1/0;")
    project.table(4)
    project.run("--transaction", mode).error()
    assert entries(project)[2:] == [("failed", THREE)]
    project.manage("migrations_revert", "--steps", "1").error() if mode == "none" else None
    project.write(THREE, "SELECT 1;", "SELECT 1;")
    how = ("--transaction", mode)
    project.manage_several(("migrations_run", "--build", *how), ("migrations_revert", "--all", *how)).ok()
    assert [action for action, _ in entries(project)[3:]] == ["applied", "applied", *["reverted"] * 4]
    assert applied_by_journal(project) == set()


def test_a_history_of_before_is_brought_up_to_date(project: Project) -> None:
    project.table(1)
    project.run().ok()
    project.sql("DROP TABLE medusa_migrations_log")
    project.sql("COMMENT ON TABLE medusa_migrations IS 'History of medusa_migrations, format 1'")
    assert project.run().ok().stdout == "No migrations to apply.\n"
    assert entries(project) == []
    assert project.manage("migrations_show", "--log").ok().stdout == "(no entries)\n"
    project.table(2)
    project.run().ok()
    assert entries(project) == [("applied", TWO)]
    comment = "SELECT obj_description('medusa_migrations'::regclass)"
    assert project.sql(comment) == [("History of medusa_migrations, format 2",)]
    assert project.manage("migrations_revert", "--since", "2001-01-01").ok().stdout.count("OK") == 2


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("CREATE TABLE medusa_migrations_log (id int)", "public.medusa_migrations_log of the database 'default' is no"),
        ("CREATE VIEW medusa_migrations_log AS SELECT 1 AS id", "is no journal of medusa_migrations"),
    ],
)
def test_somebody_elses_table_of_that_name_is_left_alone(project: Project, sql: str, message: str) -> None:
    project.table(1)
    project.sql(sql)
    assert message in project.run().error()
    assert project.applied() == []


def test_who_may_not_write_it_runs_nothing(project: Project) -> None:
    project.table(1)
    project.run().ok()
    role = f"role_{project.database}"
    project.sql(f"CREATE ROLE {role} LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO {role}")
    project.sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON medusa_migrations TO {role}")
    database = json.loads(project.environment()["TEST_DATABASE"]) | {"USER": role, "OPTIONS": {"user": role}}
    project.env["TEST_DATABASE"] = json.dumps(database)
    try:
        project.table(2)
        assert f'GRANT SELECT, INSERT ON public.medusa_migrations_log TO "{role}".' in project.run().error()
        assert project.applied() == [ONE]
        assert "SELECT on medusa_migrations_log" in project.manage("migrations_show", "--log").error()
        project.sql(f"GRANT SELECT, INSERT ON medusa_migrations_log TO {role}")
        project.run().ok()
        assert entries(project)[1:] == [("applied", TWO)]
        project.sql("ALTER TABLE medusa_migrations_log ENABLE ROW LEVEL SECURITY")
        project.table(3)
        assert "SELECT and INSERT on medusa_migrations_log, and with row level" in project.run().error()
    finally:
        project.sql(f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.fixture(scope="module")
def first_released(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with original(server, tmp_path_factory.mktemp("released"), "released") as project:
        for release, numbers in (("v1", [1]), ("v2", [2, 3]), ("v2.1", []), ("v3", [4])):
            for number in numbers:
                project.table(number)
            project.manage_several(("migrations_build", "--release", release), ("migrations_run",)).ok()
        yield project


@pytest.fixture
def released(first_released: Project, project: Project) -> Project:
    """Three releases: the second has two migrations, and what has none of its own is between them."""
    return copied(first_released, project)


@pytest.mark.parametrize(("release", "left"), [("v3", 4), ("v2", 3), ("v1", 1)])
def test_what_later_releases_applied_goes_back(released: Project, release: str, left: int) -> None:
    arguments = ("migrations_revert", "--to-release", release, "--json")
    document = released.manage(*arguments, "--plan").ok().json
    assert len(document["migrations"]) == 4 - left
    assert len(released.manage(*arguments).ok().json["migrations"]) == 4 - left
    assert released.tables() == {f"t{number}" for number in range(1, left + 1)}


def test_what_an_older_release_reverts_or_fails_at_is_no_run_of_it(released: Project) -> None:
    """As when a revert to it is cut off, and given again."""
    released.manage_several(
        ("migrations_build", "--release", "v1"),
        ("migrations_revert",),
        ("migrations_revert", "--fake"),
        ("migrations_repair", "--mark-applied", "blog.20240101000004_t4"),
    ).ok()
    document = released.manage("migrations_revert", "--to-release", "v1", "--plan", "--json").ok().json
    assert [one["id"] for one in document["migrations"]] == ["blog.20240101000004_t4", TWO]


def test_a_release_that_is_not_known_names_those_that_are(released: Project) -> None:
    error = released.manage("migrations_revert", "--to-release", "v2.1").error()
    assert "no run of the release 'v2.1': one that had nothing to apply leaves no entry. Did you mean 'v2'?" in error
    assert re.search(r"The last ones are v3 \(.*\), v2 \(.*\), v1 \(.*\)\.", error)
    assert len(released.applied()) == 4


def test_what_was_applied_after_a_moment_goes_back(released: Project) -> None:
    (moment,) = released.sql("SELECT max(at)::text FROM medusa_migrations_log WHERE release = 'v1'")[0]
    nothing = released.manage("migrations_revert", "--since", "2999-01-01 00:00").ok().stdout
    assert nothing == "Nothing was applied after 2999-01-01 00:00.\n"
    assert released.manage("migrations_revert", "--since", moment).ok().stdout.count("OK") == 3
    assert released.applied() == [ONE]
    assert "choose one" in released.manage("shell", "-c", TWO_WAYS).ok().stdout


TWO_WAYS = """
from medusa_migrations import api, errors
try:
    api.revert(since="2026-01-01", to_release="v1")
except errors.MigrationError as error:
    print(error)
"""


def test_which_release_it_is(project: Project) -> None:
    """That of the build, else that of the settings, else that of the environment, and of that ours first."""
    platform = {"HEROKU_RELEASE_VERSION": "v42", "RENDER_GIT_COMMIT": "abc"}
    project.table(1)
    project.run(env=platform).ok()
    project.table(2)
    project.run(env=platform | {"MEDUSA_RELEASE": " ours "}).ok()
    project.configure(RELEASE="by settings")
    project.table(3)
    project.run(env=platform).ok()
    project.table(4)
    project.manage_several(("migrations_build", "--release", "by build"), ("migrations_build", "--check")).ok()
    project.manage("migrations_run", env=platform).ok()
    assert [one["release"] for one in log(project)] == ["v42", "ours", "by settings", "by build"]
    assert "release is 'a\\nb'. It must be the name" in project.manage("migrations_build", "--release", "a\nb").error()
    project.configure(RELEASE=3)
    assert "MEDUSA_MIGRATIONS['RELEASE'] is 3. It must be" in project.manage("migrations_run").error()


def test_one_that_was_left_behind_where_the_history_was_moved_is_named(project: Project) -> None:
    project.table(1)
    project.run().ok()
    project.sql("CREATE SCHEMA ops; ALTER TABLE medusa_migrations SET SCHEMA ops")
    project.configure(HISTORY_SCHEMA="ops")
    project.table(2)
    assert 'Move it: ALTER TABLE "public".medusa_migrations_log SET SCHEMA ops;' in project.run().error()
    project.sql("ALTER TABLE medusa_migrations_log SET SCHEMA ops")
    project.run().ok()
    assert project.sql("SELECT count(*) FROM ops.medusa_migrations_log") == [(2,)]
    project.sql("ALTER TABLE ops.medusa_migrations_log DROP COLUMN message")
    project.table(3)
    assert "ops.medusa_migrations_log of the database 'default' is no journal" in project.run().error()


def test_one_whose_rows_are_hidden_is_not_believed(project: Project) -> None:
    project.table(1)
    project.run().ok()
    role = f"role_{project.database}"
    project.sql(f"CREATE ROLE {role} LOGIN; GRANT SELECT ON medusa_migrations, medusa_migrations_log TO {role}")
    project.sql("ALTER TABLE medusa_migrations_log ENABLE ROW LEVEL SECURITY")
    environment = json.loads(project.environment()["TEST_DATABASE"]) | {"USER": role}
    try:
        as_role = {"TEST_DATABASE": json.dumps(environment)}
        error = project.manage("migrations_show", "--log", env=as_role).error()
        assert "Row level security hides entries of the journal public.medusa_migrations_log" in error
        project.sql("CREATE POLICY all_rows ON medusa_migrations_log USING (true)")
        assert ONE in project.manage("migrations_show", "--log", env=as_role).ok().stdout
    finally:
        project.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
