"""Phases as commands meet them: what runs before the new code is live, what is held back, and what runs then."""

from __future__ import annotations

import pytest

from tests.support.projects import Project
from tests.support.shop import BLOG, SHOP, applied

AFTER = "-- migrate:phase after\n"
BEFORE_ENV = {"MEDUSA_PHASE": "before"}


@pytest.fixture
def release(project: Project) -> list[str]:
    """Four migrations, the second of phase after and the third depending on that."""
    second = "blog.20240101000002_t2"
    project.table(2, header=AFTER)
    return [project.table(1), second, project.table(3, header=f"-- migrate:depends {second}\n"), project.table(4)]


@pytest.mark.smoke
def test_a_rolling_release(project: Project, release: list[str]) -> None:
    first, second, third, fourth = release
    before = project.run("--phase", "before").ok()
    assert project.applied() == [first, fourth]
    note = (
        f"2 migrations are held back until the new code is live: {second}, {third}. Run them then with "
        "migrations_run --phase after\n"
    )
    assert before.stderr.endswith(note)
    assert f"Warning: {project.source(third)}:1: {third} depends on {second}, which is of phase after" in before.stderr
    looked = project.manage_several(
        ("migrations_run", "--phase", "before", "--check"),
        ("migrations_run", "--phase", "before", "--plan"),
        ("migrations_show",),
        ("migrations_sql", "--with-history"),
    ).ok()
    assert f"--   {second} (phase after)\n--   {third}\n" in looked.stdout
    assert f"  {second} (held back, phase after)\n  {third} (held back)\n" in looked.stdout
    assert looked.stdout.count("No migrations to apply.") == 2
    assert looked.stderr == note * 2
    assert f"[ ] {second} (phase after, out of order)\n[ ] {third} (out of order)\n" in looked.stdout
    assert f"2 migrations pending: {second}, {third}" in project.manage("migrations_run", "--check").error()
    after = project.manage("migrations_run", "--phase", "after", "--strict").ok()
    assert applied(after.stdout) == [second, third]
    assert after.stderr == ""


def test_the_documents_have_the_phase_of_each(project: Project, release: list[str]) -> None:
    first, second, third, fourth = release
    planned = project.run("--phase", "before", "--to", third, "--json")
    assert f"{third} is held back" in planned.error()
    assert planned.json["migrations"] == []
    run = project.manage("migrations_run", "--phase", "before", "--json").ok()
    assert [(one["id"], one["status"], one["phase"]) for one in run.json["migrations"]] == [
        (first, "applied", "before"),
        (fourth, "applied", "before"),
        (second, "held_back", "after"),
        (third, "held_back", "before"),
    ]
    assert all(one["duration_ms"] is None for one in run.json["migrations"][2:])
    project.manage("migrations_run").ok()
    (project.folder / project.source(first)).unlink()
    project.manage("migrations_build").ok()
    shown = project.manage("migrations_show", "--json").ok().json["migrations"]
    assert [one["phase"] for one in shown] == [None, "after", "before", "before"]
    reverted = project.manage("migrations_revert", "--all", "--json", "--no-input").ok().json["migrations"]
    assert [(one["id"], one["phase"]) for one in reverted] == [
        (third, "before"), (second, "after"), (fourth, "before"), (first, None)
    ]  # fmt: skip


def test_python_says_it_by_a_variable(project: Project) -> None:
    project.table(1)
    path = project.add_app("blog") / "20240101000002_step.py"
    path.write_text('phase = "after"\n\n\ndef up(schema):\n    schema.query("CREATE TABLE step (id int)")\n')
    project.run("--phase", "before").ok()
    assert project.tables() == {"t1"}
    done = project.manage_several(("migrations_sql", "--format", "text"), ("migrations_run",)).ok()
    assert "-- blog/sql_migrations/20240101000002_step.py: phase after, irreversible, in Python\n" in done.stdout
    assert project.tables() == {"t1", "step"}


@pytest.mark.parametrize("value", ["later", "Before", ""])
def test_what_is_no_phase_is_told(project: Project, value: str) -> None:
    project.table(1)
    error = project.run("--phase", value).error()
    assert f"phase is {value!r}. It must be 'before' or 'after'." in error
    assert project.history() == []


class TestMigrate:
    @pytest.fixture
    def held(self, shop: Project) -> str:
        """The id of one that drops what the old code uses, behind all that a shop has."""
        id_ = "blog.20240102000000_drop"
        shop.write(id_, "ALTER TABLE blog_author DROP COLUMN name;", header=AFTER)
        shop.manage("migrations_build").ok()
        return id_

    @pytest.mark.smoke
    @pytest.mark.usefixtures("auth_is_there")
    def test_it_follows_the_environment(self, shop: Project, held: str) -> None:
        shop.env |= BEFORE_ENV
        done = shop.manage("migrate").ok()
        assert f"1 migration is held back until the new code is live: {held}. Run it then with" in done.stderr
        assert shop.applied() == [BLOG]
        assert SHOP in shop.django_history(), "it names the app, whose table is there"
        again = shop.manage_several(("migrate", "--check"), ("migrate",), ("migrations_wait",))
        assert again.code == 0, again
        assert "No migrations to apply." in again.stdout
        assert "is ready" in again.stdout
        shop.env["MEDUSA_PHASE"] = "after"
        assert "1 SQL migration is pending" in shop.manage("migrations_wait", "--timeout", "0").error()
        assert applied(shop.manage("migrate").ok().stdout) == [held]

    @pytest.mark.usefixtures("auth_is_there")
    def test_migrations_run_does_not(self, shop: Project, held: str) -> None:
        shop.env |= BEFORE_ENV
        shop.manage_several(("migrate",), ("migrations_run",)).ok()
        assert held in shop.applied()

    def test_a_django_migration_that_names_an_app_without_its_tables_is_refused(self, shop: Project) -> None:
        path = shop.folder / shop.source(BLOG)
        path.write_text(AFTER + path.read_text())
        shop.manage("migrations_build").ok()
        error = shop.manage("migrate", env=BEFORE_ENV).error()
        assert "Django's migration shop.0001_initial names the app 'blog', whose tables are not there" in error
        assert f"{BLOG} is held back" in error
        assert shop.tables() == set()
        shop.manage_several(("migrate", "auth"), ("migrate", "--fake", "shop"), env=BEFORE_ENV).ok()
        assert shop.history() == []
        shop.manage("migrate", env={"MEDUSA_PHASE": "after"}).ok()
        assert BLOG in shop.applied()

    @pytest.mark.parametrize("command", ["migrate", "migrations_wait"])
    def test_what_is_no_phase_is_told(self, shop: Project, command: str) -> None:
        error = shop.manage(command, env={"MEDUSA_PHASE": "later"}).error()
        assert "The environment variable MEDUSA_PHASE is 'later'. It must be 'before' or 'after'." in error

    def test_a_test_database_has_all(self, shop: Project, held: str) -> None:
        (shop.folder / "shop/tests.py").write_text(
            "from django.db import connection\nfrom django.test import TestCase\n\n\nclass Tests(TestCase):\n"
            "    def test_all(self):\n        with connection.cursor() as cursor:\n"
            "            columns = connection.introspection.get_table_description(cursor, 'blog_author')\n"
            "        self.assertEqual([one.name for one in columns], ['id', 'user_id'])\n"
        )
        done = shop.manage("test", env=BEFORE_ENV).ok()
        assert "held back" not in done.stderr
