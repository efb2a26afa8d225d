"""Repeatable migrations in a real database: made last, made again where they change, and out of the way where asked."""

from __future__ import annotations

from tests.support.projects import QUEUED, SLEEPING, UNLOCKED, UNTIL_GO, Project

POSTS = "blog.20240101000001_posts"
WIDER = "blog.20240101000002_wider"
TITLES, SHORT = "blog.R__b_titles", "blog.R__a_short"

REPLACE = "-- migrate:replace\n"
DROPS = f"-- migrate:drops {TITLES}\n"
DEPENDS_TITLES = f"-- migrate:depends {TITLES}\n"


def with_table(project: Project) -> None:
    project.write(POSTS, "CREATE TABLE post (id int PRIMARY KEY, title varchar(20));", "DROP TABLE post;")


def write_titles(project: Project, columns: str = "id, title", then: str = "") -> None:
    up = f"CREATE VIEW titles AS SELECT {columns} FROM post;{then}"
    project.write(TITLES, up, "DROP VIEW titles;", header=f"{REPLACE}-- migrate:depends {POSTS}\n")


def with_views(project: Project) -> None:
    """A table, a view of it, and a view of that view, whose name comes first; all are applied."""
    with_table(project)
    write_titles(project)
    short = "CREATE OR REPLACE VIEW short AS SELECT title FROM titles;"
    project.write(SHORT, short, "DROP VIEW short;", header=f"-- migrate:depends {TITLES}\n")
    project.run().ok()


def journal(project: Project) -> list[str]:
    rows = project.sql("SELECT action, app || '.' || name FROM medusa_migrations_log ORDER BY id")
    return [f"{action} {id_}" for action, id_ in rows]


def columns(project: Project, view: str) -> list[str]:
    rows = project.sql(f"SELECT attname FROM pg_attribute WHERE attrelid = '{view}'::regclass ORDER BY attnum")
    return [name for (name,) in rows]


def test_a_view_under_a_view_is_replaced_with_what_stands_on_it(project: Project) -> None:
    with_views(project)
    assert project.applied() == [POSTS, TITLES, SHORT]
    write_titles(project, "title")
    project.env["DEBUG"] = "1"
    shown = project.manage_several(
        ("migrations_show",), ("showmigrations",), ("migrations_repair",), ("migrations_run", "--plan"), ("check",)
    ).ok()
    assert f"[~] {TITLES} (changed, so it will be run again" in shown.stdout
    assert " [~] R__b_titles (changed, so it will be run again)" in shown.stdout
    assert "Nothing needs repair" in shown.stdout
    assert f"  {TITLES}\n    undoes {SHORT} before\n    undoes {TITLES} before\n  {SHORT}\n" in shown.stdout
    assert "no issues" in shown.stdout + shown.stderr
    assert project.manage("migrations_run", "--check").error().count(TITLES) == 1
    project.run().ok()
    assert journal(project)[3:] == [
        f"reverted {SHORT}",
        f"rerun {TITLES}",
        f"rerun {SHORT}",
    ]
    assert columns(project, "titles") == ["title"]
    again = project.manage_several(("migrations_run",), ("migrations_show", "--json"))
    assert "No migrations to apply" in again.stdout
    assert [line.strip() for line in again.stdout.splitlines() if "repeatable" in line] == [
        '"repeatable": false',
        '"repeatable": true',
        '"repeatable": true',
    ]


def test_where_one_of_them_fails_all_are_as_they_were(project: Project) -> None:
    with_views(project)
    before = project.sql("SELECT * FROM medusa_migrations ORDER BY id")
    write_titles(project, "id")
    project.table(2)
    failed = project.run()
    assert f"{SHORT} failed (up): column" in failed.error()
    assert f"All that shares its transaction was rolled back, and is as it was: {TITLES}, {SHORT}." in failed.stderr
    assert "Applied before it in this run: blog.20240101000002_t2." in failed.stderr
    assert columns(project, "titles") == ["id", "title"]
    assert columns(project, "short") == ["title"]
    rows = project.sql("SELECT * FROM medusa_migrations ORDER BY id")
    assert [row for row in rows if row[2] != "20240101000002_t2"] == before
    # Nor does a run that is killed leave anything.
    write_titles(project, "title", then="SELECT pg_sleep(60);")
    process = project.start("migrations_run", "--build")
    project.wait_for(SLEEPING)
    process.kill()
    process.communicate()
    project.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    project.wait_for(UNLOCKED)
    assert columns(project, "titles") == ["id", "title"]
    assert columns(project, "short") == ["title"]


def test_what_is_dropped_for_another_is_made_again_at_the_end(project: Project) -> None:
    with_views(project)
    wider = "ALTER TABLE post ALTER title TYPE text;"
    project.write(WIDER, wider, "ALTER TABLE post ALTER title TYPE varchar(20);")
    refused = project.run().error()
    assert "write above the up part `-- migrate:drops ID`" in refused
    assert TITLES in refused
    python = (project.folder / project.source(WIDER)).with_suffix(".py")
    (project.folder / project.source(WIDER)).unlink()
    python.write_text('def up(schema):\n    schema.query("ALTER TABLE post ALTER title TYPE text")\n')
    assert "do this in a migration in SQL, and write above its up part `-- migrate:drops ID`" in project.run().error()
    python.unlink()
    project.write(WIDER, wider, "ALTER TABLE post ALTER title TYPE varchar(20);", header=DROPS)
    project.table(3)
    looked = project.run("--to", WIDER, "--sql").ok().stdout
    assert f"-- {SHORT} (down), in the same transaction\nDROP VIEW short;" in looked
    project.run("--to", WIDER).ok()
    assert project.applied() == [POSTS, WIDER, TITLES, SHORT]
    assert journal(project)[-5:] == [
        f"reverted {SHORT}",
        f"reverted {TITLES}",
        f"applied {WIDER}",
        f"rerun {TITLES}",
        f"rerun {SHORT}",
    ]
    # A revert has the same in its way; the next run brings it back.
    reverted = project.manage("migrations_revert").ok().stdout
    assert [line.split()[1].rstrip(".") for line in reverted.splitlines()[1:]] == [SHORT, TITLES, WIDER]
    project.run("--transaction", "all").ok()
    assert project.applied() == [POSTS, WIDER, "blog.20240101000003_t3", TITLES, SHORT]


def test_what_a_run_that_fails_leaves_undone_is_named(project: Project) -> None:
    with_views(project)
    project.write(WIDER, "ALTER TABLE post ALTER title TYPE text;", header=DROPS)
    project.write("blog.20240101000003_bad", "SELECT 1/0;")
    assert "Everything was rolled back" in (whole := project.run("--transaction", "all").error())
    assert "Undone" not in whole
    said = f"this run: {WIDER}.\nUndone for that, until a run gets to its end: {SHORT}, {TITLES}.\nFix the cause"
    assert said in project.run().error()
    assert "Undone" not in project.run().error(), "it is pending like any other now"


def test_where_nothing_is_applied_nothing_is_dropped(project: Project) -> None:
    with_table(project)
    write_titles(project)
    project.write(WIDER, "ALTER TABLE post ALTER title TYPE text;", header=DROPS)
    project.run("--transaction", "none").ok()
    assert journal(project) == [f"applied {POSTS}", f"applied {WIDER}", f"applied {TITLES}"]


def test_what_has_no_down_part_is_named_where_it_has_to_go(project: Project) -> None:
    with_table(project)
    up = "CREATE OR REPLACE VIEW titles AS SELECT title FROM post; GRANT SELECT ON titles TO PUBLIC;"
    project.write(TITLES, up, None, header=f"-- migrate:depends {POSTS}\n")
    project.run().ok()
    assert f"{TITLES} is irreversible" in project.manage("migrations_revert").error()
    project.write(WIDER, "ALTER TABLE post ALTER title TYPE text;", header=DROPS)
    assert f"{WIDER} needs {TITLES} dropped first" in project.run().error()
    # A down part that is written now is that of what is applied.
    project.write(TITLES, up, "DROP VIEW titles;", header=f"-- migrate:depends {POSTS}\n")
    project.run().ok()
    assert project.sql("SELECT has_table_privilege('pg_monitor', 'titles', 'SELECT')") == [(True,)]


def test_rows_in_the_down_part_of_what_is_replaced_are_copied(project: Project) -> None:
    down = "DELETE FROM post;\nCOPY post FROM stdin;\n9\tnine\n\\.\n"
    with_table(project)
    for mode, title in (("each", "one"), ("each", "two"), ("all", "three")):
        up = f"INSERT INTO post SELECT 1, '{title}' || count(*) FROM post WHERE id = 9;"
        project.write(TITLES, up, down, header=REPLACE)
        project.run("--transaction", mode).ok()
    assert project.sql("SELECT id, title FROM post ORDER BY id") == [(1, "three1"), (9, "nine")]


def test_a_down_part_that_fails_as_it_was_stored_is_settled_by_hand(project: Project) -> None:
    """The file has a better one by now, but that is not of what is applied."""
    with_table(project)
    project.write(TITLES, "CREATE VIEW titles AS SELECT id, title FROM post;", "DROP VIEW title;", header=REPLACE)
    project.run().ok()
    write_titles(project, "title")
    error = project.run().error()
    assert f"the stored down part of {TITLES}" in error
    assert f"migrations_repair --mark-reverted {TITLES}, and run migrations_run again." in error
    project.sql("DROP VIEW titles")
    project.manage_several(("migrations_repair", "--mark-reverted", TITLES), ("migrations_run",)).ok()
    assert columns(project, "titles") == ["title"]


def test_a_view_that_was_there_before_can_be_taken_over(project: Project) -> None:
    with_table(project)
    write_titles(project)
    project.run("--to", POSTS).ok()
    project.sql("CREATE VIEW titles AS SELECT title FROM post")
    assert "write DROP ... IF EXISTS above the CREATE" in project.run().error()
    project.write(
        TITLES, "DROP VIEW IF EXISTS titles;\nCREATE VIEW titles AS SELECT id FROM post;", "DROP VIEW titles;"
    )
    project.run().ok()
    assert columns(project, "titles") == ["id"]


def test_what_has_to_commit_is_sent_to_another_file(project: Project) -> None:
    project.write(TITLES, "DO $$ BEGIN COMMIT; END $$;", "")
    failed = project.run().error()
    assert "put it into a file with a timestamp, in a part marked `-- migrate:up transaction:false`" in failed


def test_reverts_leave_it_unless_what_it_depends_on_goes(project: Project) -> None:
    with_views(project)
    project.table(3)
    project.run().ok()
    write_titles(project, "id, title, 1 AS one")
    project.run().ok()
    last = project.manage_several(("migrations_revert", "--last-run"), ("migrations_revert",)).ok().stdout
    assert last.startswith("There is nothing to revert.")
    assert project.applied() == [POSTS, TITLES, SHORT]
    assert "is repeatable, and stays" in project.manage("migrations_revert", "--to", TITLES).error()
    reverted = project.manage("migrations_revert").ok().stdout
    assert [line.split()[1].rstrip(".") for line in reverted.splitlines()[1:]] == [SHORT, TITLES, POSTS]
    project.run().ok()
    project.manage("migrations_revert", "--all").ok()
    assert project.applied() == []


def test_a_deleted_file_is_missing_and_undone_as_it_was_applied(project: Project) -> None:
    with_views(project)
    (project.folder / project.source(SHORT)).unlink()
    project.env["DEBUG"] = "1"
    shown = project.manage_several(("migrations_show",), ("migrations_run",), ("migrations_revert", "--missing"))
    assert f"[?] {SHORT}" in shown.ok().stdout
    assert "migrations_revert --missing" in shown.stderr
    assert project.applied() == [POSTS, TITLES]
    assert project.sql("SELECT to_regclass('short')") == [(None,)]


def test_migrate_runs_them_after_all_others_of_both_kinds(project: Project) -> None:
    project.add_contrib("contenttypes", "auth")
    with_table(project)
    users = "CREATE OR REPLACE VIEW users AS SELECT id, username FROM auth_user;"
    project.write("blog.R__users", users, "DROP VIEW users;", header="-- migrate:depends auth\n")
    write_titles(project)
    project.manage("migrations_build").ok()
    done = project.manage("migrate").ok().stdout
    order = [line.split()[1].rstrip(".") for line in done.splitlines() if "Applying" in line]
    assert order[-2:] == [TITLES, "blog.R__users"]
    write_titles(project, "title")
    project.write(WIDER, "ALTER TABLE post ALTER title TYPE text;", header=DROPS)
    project.manage("migrations_build").ok()
    assert project.manage("migrate", "blog").ok().stdout.count("Applying") == 2
    assert columns(project, "titles") == ["title"]
    short = "CREATE OR REPLACE VIEW short AS SELECT title FROM titles;"
    project.write(SHORT, short, "DROP VIEW short;", header=DEPENDS_TITLES)
    write_titles(project, "title, id")
    project.manage("migrations_build").ok()
    project.manage("migrate").ok()
    write_titles(project, "id, title")
    project.manage("migrations_build").ok()
    assert project.manage("migrate", "blog").ok().stdout.count("Applying") == 2
    assert columns(project, "titles") == ["id", "title"]


def test_fake_and_repair_record_it_as_it_is_today(project: Project) -> None:
    with_views(project)
    write_titles(project, "id")
    project.run("--fake").ok()
    assert project.history()[-1] == (TITLES, "applied")
    assert columns(project, "titles") == ["id", "title"]
    write_titles(project, "title")
    project.env["DEBUG"] = "1"
    assert "none that this can repair" in project.manage("migrations_repair", "--accept-changes", TITLES).error()
    settled = project.manage_several(("migrations_repair", "--mark-applied", TITLES), ("migrations_run",))
    assert "marked as applied" in settled.ok().stdout
    assert "No migrations to apply" in settled.stdout


def test_a_script_for_psql_has_it_only_where_it_is_new(project: Project) -> None:
    with_table(project)
    write_titles(project)
    project.env["DEBUG"] = "1"
    script = project.manage("migrations_sql", "--with-history").ok().stdout
    assert script.index(f"'Applying {POSTS}'") < script.index(f"'Applying {TITLES}'")
    project.run().ok()
    write_titles(project, "title")
    assert f"{TITLES}: takes the place" in project.manage("migrations_sql", "--with-history").error()
    project.write(WIDER, "ALTER TABLE post ALTER title TYPE text;", header=DROPS)
    review = project.manage_several(("migrations_sql", WIDER), ("migrations_sql", WIDER, "--down")).ok().stdout
    assert review.count(f"-- drops repeatable migration {TITLES}") == 1


def test_a_function_that_a_column_is_computed_by_cannot_be_dropped(project: Project) -> None:
    """Only a later migration can use one, as it is made last; OR REPLACE goes, and the error says so."""
    double = "blog.R__double"
    body = "CREATE OR REPLACE FUNCTION double(n int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT {}';"
    project.table(1)
    project.write(double, body.format("n * 2"), "DROP FUNCTION double;")
    project.run().ok()
    project.sql("ALTER TABLE t1 ADD twice int GENERATED ALWAYS AS (double(id)) STORED")
    project.write(double, body.format("n + n"), "DROP FUNCTION double;")
    project.run().ok()
    project.write(double, body.format("2 * n"), "DROP FUNCTION double;", header=REPLACE)
    error = project.run().error()
    assert "other objects depend on it" in error
    assert "What a table stands on can only be replaced by OR REPLACE" in error
    project.write(double, body.replace("int IMM", "bigint IMM").format("n"), "DROP FUNCTION double;")
    assert "Write `-- migrate:replace` into its header" in project.run().error()


def test_of_two_runs_at_once_one_finds_nothing_to_do(project: Project) -> None:
    with_views(project)
    project.sql("CREATE TABLE go (id int)")
    write_titles(project, "title", then=UNTIL_GO)
    first = project.start("migrations_run", "--build")
    project.wait_for(SLEEPING)
    second = project.start("migrations_run")
    project.wait_for(QUEUED)
    project.sql("INSERT INTO go VALUES (1)")
    for process in (first, second):
        process.wait(30)
    assert "No migrations to apply" in second.communicate()[0]
    assert journal(project).count(f"rerun {TITLES}") == 1
    first.communicate()


def test_verify_runs_each_twice(project: Project) -> None:
    with_views(project)
    project.table(3)
    write_titles(project, "title")
    project.env["DEBUG"] = "1"
    live = project.manage("migrations_verify", "--live", "--no-lint").ok()
    assert f"{SHORT}, {TITLES}: to be run again, as a file has changed" in live.stdout + live.stderr
    project.write("blog.R__c_log", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';", "DROP FUNCTION f;")
    project.write("blog.R__d_rows", "CREATE TABLE IF NOT EXISTS r (); ALTER TABLE r ADD CHECK (true);", "DROP TABLE r;")
    proven = project.manage("migrations_verify", "--json", "--no-lint", "--all")
    found = {one["id"]: one["status"] for one in proven.json["migrations"]}
    assert found == {
        POSTS: "proven",
        TITLES: "proven",
        SHORT: "proven",
        "blog.20240101000003_t3": "proven",
        "blog.R__c_log": "second_up_failed",
        "blog.R__d_rows": "second_up_failed",
    }


def test_generate_has_the_views_on_a_column_go_before(project: Project) -> None:
    project.add_models("blog", "class Post(models.Model):\n    title = models.CharField(max_length=20)\n")
    project.manage("makemigration", "blog", "--generate", "--no-input").ok()
    view = "CREATE OR REPLACE VIEW titles AS SELECT title FROM blog_post;"
    project.write(TITLES, view, "DROP VIEW titles;")
    project.run().ok()
    assert "No changes" in project.manage("makemigration", "blog", "--generate", "--no-input").ok().stdout
    project.sql("CREATE VIEW by_hand AS SELECT title FROM blog_post")
    project.add_models("blog", "class Post(models.Model):\n    title = models.TextField()\n")
    refused = project.manage("makemigration", "blog", "wider", "--generate", "--online", "--no-input").error()
    assert f"{TITLES}: in the way of what changes, and made by a repeatable migration" in refused
    made = project.manage("makemigration", "blog", "wider", "--generate", "--no-input").ok()
    (file,) = (project.folder / "blog" / "sql_migrations").glob("*_wider.sql")
    assert f"-- migrate:drops {TITLES}\n" in file.read_text()
    assert "view by_hand depends on" in made.stderr
    assert "view titles" not in made.stderr
    project.sql("DROP VIEW by_hand")
    project.run().ok()
    assert columns(project, "titles") == ["title"]


def test_a_test_database_has_them(project: Project) -> None:
    with_table(project)
    write_titles(project)
    (project.folder / "blog/tests.py").write_text(
        "from django.db import connection\nfrom django.test import TestCase\n\n\nclass Tests(TestCase):\n"
        "    def test_view(self):\n        with connection.cursor() as cursor:\n"
        "            cursor.execute('INSERT INTO post VALUES (1, %s)', ['x'])\n"
        "            cursor.execute('SELECT title FROM titles')\n"
        "            self.assertEqual(cursor.fetchall(), [('x',)])\n"
    )
    done = project.manage("test").ok()
    assert "Ran 1 test" in done.stderr
