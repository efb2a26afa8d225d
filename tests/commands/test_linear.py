"""LINEAR and OUT_OF_ORDER as commands meet them; their rules are in test_linear and test_forwards of the unit tests."""

from __future__ import annotations

import pytest

from tests.support.generated import BOOK, FIRST
from tests.support.projects import Project

LINE = "blog/sql_migrations/max_migration.txt"
CONFLICT = "<<<<<<< HEAD\n20240101000001_t1\n=======\n20240101000002_t2\n>>>>>>> work\n"


@pytest.mark.smoke
def test_what_makemigration_writes_is_built_and_a_conflict_is_named_by_all_that_read_the_sources(
    project: Project,
) -> None:
    project.configure(LINEAR=True)
    project.add_models("blog", BOOK)
    path = project.folder / LINE
    project.manage("makemigration", "blog", "--generate", "--timestamp", FIRST).ok()
    assert path.read_text().startswith(f"{FIRST}_")
    made = project.manage_several(
        ("makemigration", "blog", "in python", "--python"),
        ("makemigration", "blog", "third", "--dry-run"),
        ("migrations_run", "--build"),
    )
    assert path.read_text().endswith("_in_python\n"), made
    assert len(project.applied()) == 2
    path.write_text(CONFLICT)
    place = f"{LINE}:1:1: two branches have added a migration"
    for command in (
        ("makemigration", "blog", "third"),
        ("migrations_build",),
        ("migrations_run", "--build"),
        ("check",),
    ):
        done = project.manage(*command)
        assert done.code == 1
        assert place in done.stderr
        assert "Run migrations_rebase blog" in done.stderr
    assert "medusa_migrations.E005" in done.stderr
    project.manage("migrations_run").ok()  # of what is built


def test_an_app_that_is_not_there_is_named_with_the_nearest(project: Project) -> None:
    project.configure(LINEAR=["blgo"])
    assert "Did you mean 'blog'?" in project.manage("migrations_run").error()


def test_a_late_one_stops_every_way_to_run_where_the_settings_say_so(project: Project) -> None:
    project.configure(OUT_OF_ORDER="error")
    late, applied = (f"blog.2024010100000{number}_t{number}" for number in (1, 2))
    project.table(2)
    project.run().ok()
    project.table(1)
    for command in (
        ("migrations_run", "--build"),
        ("migrations_run", "--plan"),
        ("migrations_run", "--check"),
        ("migrations_sql", "--with-history"),
        ("migrate",),
        ("migrate", "--plan"),
    ):
        error = project.manage(*command).error()
        assert f"{late} comes before {applied}, which is applied" in error
        assert "migrations_rebase blog" in error
    assert project.applied() == [applied]
    project.manage("migrations_run", "--no-strict").ok()
    assert project.applied() == [applied, late]


def test_strict_refuses_what_the_settings_let_run(project: Project) -> None:
    project.table(2)
    project.run("--strict").ok()
    project.table(1)
    assert "which is applied" in project.run("--strict").error()
    project.manage("migrate").ok()
    assert len(project.applied()) == 2
