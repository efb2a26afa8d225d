"""migrations_run, from the files to the catalog."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.projects import Project

AUTHORS = "blog.20230801075818_add_authors_and_posts"


@pytest.mark.smoke
def test_pending_migrations_are_applied_in_order_and_once(project: Project) -> None:
    first, second = project.table(1), project.table(2)
    out = project.run().ok().stdout
    assert re.search(rf"  Applying {first}\.\.\. OK \(\d+ ms\)\n  Applying {second}\.\.\. OK \(\d+ ms\)\n", out)
    assert project.applied() == [first, second]
    assert project.tables() == {"t1", "t2"}
    assert project.locks() == 0
    assert "No migrations to apply." in project.run().ok().stdout


def test_verbosity_0_is_silent(project: Project) -> None:
    project.table(1)
    outcome = project.run("--verbosity", "0").ok()
    assert (outcome.stdout, outcome.stderr) == ("", "")
    assert project.tables() == {"t1"}


def test_nothing_pending_touches_nothing(project: Project) -> None:
    assert "No migrations to apply." in project.run().ok().stdout
    assert project.sql("SELECT to_regclass('medusa_migrations')") == [(None,)]


def test_the_history_says_what_when_who_and_how_long(project: Project) -> None:
    project.table(1)
    project.table(2)
    project.run().ok()
    rows = project.sql(
        "SELECT app, name, length(checksum), state, now() - applied_at < '1 min', duration_ms >= 0, applied_by <> '',"
        " run, statements_done, progress, error, down FROM medusa_migrations ORDER BY id"
    )
    runs = {row[7] for row in rows}
    assert len(runs) == 1
    assert [(*row[:7], *row[8:]) for row in rows] == [
        (
            "blog",
            "20240101000001_t1",
            64,
            "applied",
            True,
            True,
            True,
            0,
            None,
            "",
            "-- migrate:down\nDROP TABLE t1;\n",
        ),
        (
            "blog",
            "20240101000002_t2",
            64,
            "applied",
            True,
            True,
            True,
            0,
            None,
            "",
            "-- migrate:down\nDROP TABLE t2;\n",
        ),
    ]


def test_the_history_allows_an_app_and_name_only_once(project: Project) -> None:
    project.table(1)
    project.run().ok()
    indexes = project.sql("SELECT indexdef FROM pg_indexes WHERE tablename = 'medusa_migrations'")
    assert any("UNIQUE" in text and "(app, name)" in text for (text,) in indexes)


def test_a_late_migration_runs_and_is_reported_as_out_of_order(project: Project) -> None:
    project.table(5)
    project.run().ok()
    late = project.table(3)
    assert f"  Applying {late} (out of order)... OK" in project.run().ok().stdout
    assert f"[X] {late}" in project.manage("migrations_show").ok().stdout
    shown = {
        one["id"]: one["out_of_order"] for one in project.manage("migrations_show", "--json").ok().json["migrations"]
    }
    assert shown[late] is True


@pytest.mark.smoke
def test_depends_goes_before_the_timestamp(project: Project) -> None:
    early, late = "blog.20240101000000_early", "shop.20250101000000_late"
    project.write(early, "CREATE TABLE a (id int REFERENCES b);", header=f"-- migrate:depends {late}\n")
    project.write(late, "CREATE TABLE b (id int PRIMARY KEY);")
    project.run().ok()
    assert project.applied() == [late, early]


def test_one_app_runs_with_what_it_depends_on_and_no_more(project: Project) -> None:
    shop = project.table(1, app="shop")
    other = project.table(2, app="other")
    blog = project.table(3, header=f"-- migrate:depends {shop}\n")
    project.run("blog").ok()
    assert project.applied() == [shop, blog]
    project.run().ok()
    assert project.applied() == [shop, blog, other]


def test_to_runs_all_up_to_it(project: Project) -> None:
    ids = [project.table(number) for number in (1, 2, 3)]
    project.run("--to", ids[1]).ok()
    assert project.applied() == ids[:2]
    project.run("--to", ids[1]).ok()
    assert project.applied() == ids[:2]


@pytest.mark.parametrize("option", ["--plan", "--sql", "--check"])
def test_looking_changes_nothing(project: Project, option: str) -> None:
    id_ = project.table(1)
    outcome = project.run(option)
    assert outcome.code == (1 if option == "--check" else 0)
    assert id_ in outcome.stdout + outcome.stderr
    assert ("CREATE TABLE t1 (id int);" in outcome.stdout) == (option == "--sql")
    assert project.tables() == set()
    assert project.history() == []
    assert not (project.folder / "dist").exists()


def test_check_is_content_when_nothing_is_pending(project: Project) -> None:
    project.table(1)
    project.run().ok()
    project.run("--check").ok()


def test_fake_writes_the_history_only(project: Project) -> None:
    id_ = project.table(1)
    assert f"  Applying {id_}... FAKED" in project.run("--fake").ok().stdout
    assert (project.applied(), project.tables()) == ([id_], set())
    project.manage("migrations_revert", "--fake").ok()
    assert project.history() == []


def test_a_migration_without_sql_does_nothing_and_is_recorded(project: Project) -> None:
    project.write("blog.20240101000001_empty", "-- only a comment\n/* and another */")
    project.write("blog.20240101000002_empty", "", option=" transaction:false")
    project.run().ok()
    assert len(project.applied()) == 2
    project.manage("migrations_revert", "--all").ok()
    assert project.history() == []


FEATURE = "-- migrate:feature product_categories\n"


def test_a_feature_that_is_off_holds_back_its_migrations_and_their_dependents(project: Project) -> None:
    first = project.table(1, header=FEATURE)
    project.table(2, header=f"-- migrate:depends {first}\n")
    third = project.table(3)
    project.run().ok()
    assert project.applied() == [third]
    assert project.manage("migrations_show").ok().stdout.count("[-]") == 2
    project.run(env={"MEDUSA_FEATURE_PRODUCT_CATEGORIES": "on"}).ok()
    assert len(project.applied()) == 3
    assert project.manage("migrations_show").ok().stdout.count("[X]") == 3


def test_the_environment_wins_over_the_settings(project: Project) -> None:
    project.table(1, header=FEATURE)
    project.configure(FEATURES={"product_categories": True})
    project.run(env={"MEDUSA_FEATURE_PRODUCT_CATEGORIES": "0"}).ok()
    assert project.applied() == []
    project.run().ok()
    assert len(project.applied()) == 1


# Transactions


FAILING = "CREATE TABLE bad (id int);\nSELECT 1 / 0;"


@pytest.mark.parametrize(
    ("mode", "tables", "statuses"),
    [
        ("each", {"t1"}, ["applied", "failed"]),
        ("all", set(), ["rolled_back", "failed"]),
        ("none", {"t1", "bad"}, ["applied", "failed"]),
    ],
)
@pytest.mark.smoke
def test_a_failure_leaves_what_the_mode_promises(
    project: Project, mode: str, tables: set[str], statuses: list[str]
) -> None:
    first = project.table(1)
    project.write("blog.20240101000002_bad", FAILING)
    project.table(3)
    outcome = project.run("--transaction", mode, "--json")
    assert outcome.code == 1
    assert [one["status"] for one in outcome.json["migrations"]] == statuses
    assert project.tables() == tables
    assert project.applied() == ([first] if mode != "all" else [])
    assert project.locks() == 0
    error = outcome.error()
    assert "division by zero (SQLSTATE 22012)" in error
    assert (f"Applied before it in this run: {first}." in error) == (mode != "all")


def test_all_refuses_a_migration_without_a_transaction_before_anything_runs(project: Project) -> None:
    project.table(1)
    alone = "blog.20240101000002_alone"
    project.write(alone, "VACUUM;", option=" transaction:false")
    error = project.run("--transaction", "all").error()
    assert alone in error
    assert "--transaction each" in error
    assert (project.tables(), project.history()) == (set(), [])


@pytest.mark.smoke
def test_statements_run_one_by_one_without_a_transaction(project: Project) -> None:
    project.write(
        "blog.20240101000001_indexes",
        "CREATE TABLE t (a int, b int);\nCREATE INDEX CONCURRENTLY a_ix ON t (a);\n"
        "CREATE INDEX CONCURRENTLY b_ix ON t (b);",
        "DROP INDEX CONCURRENTLY b_ix;\nDROP INDEX CONCURRENTLY a_ix;\nDROP TABLE t;",
        option=" transaction:false",
    )
    project.run().ok()
    assert project.sql("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass AND indisvalid") == [(2,)]
    project.manage("migrations_revert").ok()
    assert project.tables() == set()


def test_a_part_without_a_transaction_goes_on_at_the_statement_that_failed(project: Project) -> None:
    id_ = "blog.20240101000001_steps"
    up = "CREATE TABLE a (id int);\nCREATE TABLE b (id int REFERENCES nowhere);\nCREATE TABLE c (id int);"
    project.write(id_, up, option=" transaction:false")
    error = project.run().error()
    assert "of its 3 statements, 1 are done and stay" in error
    assert "20240101000001_steps.sql:3" in error
    assert project.history() == [(id_, "failed")]
    assert "[F]" in project.manage("migrations_show").ok().stdout
    project.write(id_, up.replace(" REFERENCES nowhere", ""), option=" transaction:false")
    project.run().ok()
    assert project.tables() == {"a", "b", "c"}
    assert project.history() == [(id_, "applied")]
    project.run("--check").ok()


def test_a_change_in_what_is_done_already_stops_the_run(project: Project) -> None:
    id_ = "blog.20240101000001_steps"
    project.write(id_, "CREATE TABLE a (id int);\nSELECT 1/0;", option=" transaction:false")
    project.run().error()
    project.write(id_, "CREATE TABLE other (id int);\nSELECT 1;", option=" transaction:false")
    other = project.table(0)
    error = project.run().error()
    assert "done up to statement 1" in error
    assert "migrations_repair" in error
    assert other not in project.applied()


def test_an_authors_own_transaction_is_one_step(project: Project) -> None:
    project.write(
        "blog.20240101000001_own",
        "BEGIN;\nCREATE TABLE a (id int);\nCREATE TABLE b (id int);\nCOMMIT;\nBEGIN;\n"
        "CREATE TABLE c (id int);\nSELECT 1/0;\nCOMMIT;",
        option=" transaction:false",
    )
    project.run().error()
    assert project.tables() == {"a", "b"}


def test_what_only_the_server_knows_gets_the_same_cure(project: Project) -> None:
    project.write("blog.20240101000001_do", "DO $$ BEGIN COMMIT; END $$;")
    error = project.run().error()
    assert "2D000" in error
    assert "mark the part `-- migrate:up transaction:false`" in error
    project.write("blog.20240101000001_do", "DO $$ BEGIN COMMIT; END $$;", option=" transaction:false")
    project.run().ok()


def test_copy_data_arrives_as_it_is(project: Project) -> None:
    rows = "1\tit's; -- \\\\\n2\t\\N\n3\t\n"
    for number, option in enumerate(["", " transaction:false"]):
        project.write(
            f"blog.2024010100000{number}_copy",
            f"CREATE TABLE c{number} (id int, t text);\nCOPY c{number} FROM stdin;\n{rows}\\.\nSELECT 1;",
            f"TRUNCATE c{number};\nCOPY c{number} (id) FROM stdin;\n7\n\\.\n",
            option=option,
        )
    project.run().ok()
    for number in (0, 1):
        assert project.sql(f"SELECT * FROM c{number} ORDER BY id") == [(1, "it's; -- \\"), (2, None), (3, "")]
    project.manage("migrations_revert", "--all").ok()
    assert project.sql("SELECT id FROM c0") == project.sql("SELECT id FROM c1") == [(7,)]


def test_percent_signs_and_placeholders_are_nothing_special(project: Project) -> None:
    project.write(
        "blog.20240101000001_percent", "CREATE TABLE p AS SELECT '100%' AS a, '%s %(x)s' AS b WHERE 'a' LIKE 'a%';"
    )
    project.run().ok()
    assert project.sql("SELECT * FROM p") == [("100%", "%s %(x)s")]


# Failures: where and why


def test_a_syntax_error_is_shown_at_its_column(project: Project) -> None:
    path = project.write("blog.20240101000001_typo", "CREATE TABLE a (id int);\n\tCREATE TABEL bé (id int);")
    outcome = project.run("--json")
    error = outcome.error()
    cited = f"blog/sql_migrations/{path.name}"
    assert f'syntax error at or near "TABEL" (SQLSTATE 42601)\n{cited}:3:9\n' in error
    assert "     3 | \tCREATE TABEL bé (id int);\n       | \t       ^\n" in error
    assert outcome.json["error"] == {
        "id": "blog.20240101000001_typo",
        "message": 'syntax error at or near "TABEL"',
        "file": cited,
        "line": 3,
        "column": 9,
        "sqlstate": "42601",
    }


@pytest.mark.parametrize("option", ["", " transaction:false"])
def test_positions_count_characters_not_bytes(project: Project, option: str) -> None:
    project.write(
        "blog.20240101000001_typo", "SELECT 'äöü€😀' AS x;\nSELECT 'é€😀', nowhere FROM pg_class;", option=option
    )
    location = project.run("--json").json["error"]
    assert (location["line"], location["column"]) == (3, 15)


def test_an_error_at_the_end_of_the_text_is_shown_there(project: Project) -> None:
    project.write("blog.20240101000001_open", "SELECT 1;\nCREATE TABLE a (id int")
    assert project.run("--json").json["error"]["line"] == 3


def test_without_a_position_the_table_and_constraint_are_named_and_no_line_guessed(project: Project) -> None:
    project.write("blog.20240101000001_twice", "CREATE TABLE u (id int PRIMARY KEY);\nINSERT INTO u VALUES (1), (1);")
    outcome = project.run("--json")
    error = outcome.error()
    assert "DETAIL: Key (id)=(1) already exists." in error
    assert "AT: table u, constraint u_pkey" in error
    assert (outcome.json["error"]["line"], outcome.json["error"]["column"]) == (None, None)


def test_without_a_position_a_statement_that_ran_alone_gives_its_first_line(project: Project) -> None:
    project.write(
        "blog.20240101000001_twice",
        "CREATE TABLE u (id int PRIMARY KEY);\n\nINSERT INTO u\nVALUES (1), (1);",
        option=" transaction:false",
    )
    location = project.run("--json").json["error"]
    assert (location["line"], location["column"]) == (4, None)


def test_a_bad_row_of_a_copy_is_shown_at_its_line(project: Project) -> None:
    project.write("blog.20240101000001_copy", "CREATE TABLE c (id int);\nCOPY c FROM stdin;\n1\n2\nx\n\\.")
    outcome = project.run("--json")
    assert outcome.json["error"]["line"] == 6
    assert "     6 | x" in outcome.error()


def test_a_deferred_constraint_that_fails_at_commit_is_reported(project: Project) -> None:
    project.write(
        "blog.20240101000001_deferred",
        "CREATE TABLE a (id int PRIMARY KEY);"
        "CREATE TABLE b (a int CONSTRAINT b_fk REFERENCES a DEFERRABLE INITIALLY DEFERRED); INSERT INTO b VALUES (1);",
    )
    for mode in ("each", "all"):
        error = project.run("--transaction", mode).error()
        assert "AT: table b, constraint b_fk" in error
        assert (project.tables(), project.history()) == (set(), [])


def test_a_plpgsql_error_shows_its_context(project: Project) -> None:
    project.write("blog.20240101000001_raise", "DO $$ BEGIN RAISE EXCEPTION 'no %', 'way' USING HINT = 'try'; END $$;")
    error = project.run().error()
    assert "no way (SQLSTATE P0001)" in error
    assert "HINT: try" in error
    assert "CONTEXT: PL/pgSQL function inline_code_block line 1 at RAISE" in error


# Drift


def test_a_changed_migration_stops_the_run_before_anything_is_done(project: Project) -> None:
    id_ = project.table(1)
    project.run().ok()
    project.write(id_, "CREATE TABLE t1 (id bigint);", "DROP TABLE t1;")
    project.table(2)
    error = project.run().error()
    assert f"  {id_} (blog/sql_migrations/20240101000001_t1.sql)" in error
    assert f"migrations_repair --accept-changes {id_}" in error
    assert project.tables() == {"t1"}
    assert f"[!] {id_}" in project.manage("migrations_show", env={"DEBUG": "1"}).ok().stdout


def test_header_down_part_and_line_ends_may_change(project: Project) -> None:
    path = project.folder / "blog/sql_migrations/20240101000001_t1.sql"
    project.table(1)
    project.run().ok()
    path.write_bytes(
        b"\xef\xbb\xbf-- new words\r\n-- migrate:up\r\n\r\nCREATE TABLE t1 (id int);  \r\n"
        b"-- migrate:down\r\nSELECT 1;\r\n"
    )
    project.run("--check").ok()


def test_a_missing_file_never_stops_a_run(project: Project) -> None:
    id_ = project.table(1)
    project.run().ok()
    (project.folder / "blog/sql_migrations/20240101000001_t1.sql").unlink()
    project.table(2)
    project.run().ok()
    assert f"[?] {id_}" in project.manage("migrations_show").ok().stdout


def test_a_renamed_file_stops_the_run_and_is_named(project: Project) -> None:
    id_ = project.table(1)
    project.run().ok()
    folder = project.folder / "blog/sql_migrations"
    (folder / "20240101000001_t1.sql").rename(folder / "20240101000009_renamed.sql")
    error = project.run().error()
    assert f"migrations_repair --renamed {id_}=blog.20240101000009_renamed" in error


# Build and run


def test_a_run_without_a_build_says_what_to_do(project: Project) -> None:
    project.table(1)
    error = project.manage("migrations_run").error()
    assert "migrations_build" in error
    assert project.history() == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"NAME": "nowhere"}, "The server runs, and has no such database: create it, or correct NAME in the settings."),
        ({"USER": "nobody_here"}, "The server runs, and does not let this user in like that: see USER, PASSWORD, HOST"),
        ({"USER": "pg_monitor"}, "The server runs, and does not let this user in like that: see USER, PASSWORD, HOST"),
        ({"HOST": "/nowhere"}, "See that the server runs and that DATABASES has its address"),
    ],
    ids=["no such database", "no such role", "a role that may not log in", "no server"],
)
def test_who_cannot_connect_is_told_what_the_server_lacks(project: Project, values: dict[str, str], said: str) -> None:
    project.table(1)
    database = json.loads(project.environment()["TEST_DATABASE"]) | values
    error = project.run(env={"TEST_DATABASE": json.dumps(database)}).error()
    assert "Cannot connect to the database 'default' (" in error
    assert said in error


def test_without_any_source_a_missing_build_is_an_empty_one(project: Project) -> None:
    assert "No migrations to apply." in project.manage("migrations_run").ok().stdout


def test_a_source_that_is_not_built_is_mentioned(project: Project) -> None:
    project.table(1)
    project.run().ok()
    forgotten = project.table(2)
    outcome = project.manage("migrations_run").ok()
    assert f"Not built, so not run: {forgotten}." in outcome.stderr
    assert project.tables() == {"t1"}


def test_auto_build_follows_debug_and_no_build_wins(project: Project) -> None:
    project.table(1)
    assert "migrations_build" in project.manage("migrations_run", "--no-build", env={"DEBUG": "1"}).error()
    assert "Built 1 migration (1 new)" in project.manage("migrations_run", env={"DEBUG": "1"}).ok().stdout


def test_only_what_is_built_runs(project: Project) -> None:
    project.table(1)
    project.manage("migrations_build").ok()
    project.write("blog.20240101000001_t1", "CREATE TABLE other (id int);")
    project.manage("migrations_run").ok()
    assert project.tables() == {"t1"}


# JSON


def test_json_is_the_only_thing_on_stdout(project: Project) -> None:
    id_ = project.table(1)
    outcome = project.run("--json").ok()
    document = json.loads(outcome.stdout)
    assert document["migrations"][0].pop("duration_ms") >= 0
    assert document == {
        "database": "default",
        "direction": "up",
        "migrations": [{"id": id_, "status": "applied", "phase": "before"}],
        "error": None,
    }
    assert project.run("--json").ok().json["migrations"] == []
    project.table(2)
    assert [one["status"] for one in project.run("--json", "--plan").ok().json["migrations"]] == ["planned"]
    assert [one["status"] for one in project.run("--json", "--fake").ok().json["migrations"]] == ["faked"]


def test_json_is_printed_for_errors_before_the_run_too(project: Project) -> None:
    outcome = project.run("--json", "--to", "blog.20200101000000_nope")
    outcome.error()
    document = outcome.json
    assert document["migrations"] == []
    assert "blog.20200101000000_nope" in document["error"]["message"]
    assert set(document["error"]) == {"id", "message", "file", "line", "column", "sqlstate"}
