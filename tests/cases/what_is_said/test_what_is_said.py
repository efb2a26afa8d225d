"""What generate says is said once, where it belongs: parents were named at each run, a dry run's file had other lines
around it, an index without a name was renamed, and a collation was taken for an extension. Found on real projects.
"""

from __future__ import annotations

import pytest
from django.db import models

from medusa_migrations.errors import DatabaseError
from tests.support.drafts import Bench, models_of
from tests.support.generated import generate
from tests.support.projects import Project

TEAMS = """\
from django.contrib.auth.models import Group
class Team(Group):
    motto = models.TextField()
class Club(Group):
    motto = models.TextField()
"""


def test_parents_are_named_once_and_a_dry_run_prints_the_file(project: Project) -> None:
    project.add_contrib("auth", "contenttypes")
    project.manage("migrate").ok()
    project.add_models("blog", TEAMS)
    outcome = generate(project, "--dry-run", "--timestamp", "20240101000000").ok()
    said = "blog.Team, blog.Club extend auth.Group of another app, whose table auth_group has a part of the rows"
    assert outcome.stderr.count(said) == 1
    for line in ("  create blog_team\n", "Would create blog/sql_migrations/20240101000000_create_blog_"):
        assert line in outcome.stderr
    assert outcome.stdout.startswith("-- Generated from the models of blog.")
    generate(project, "--timestamp", "20240101000000").ok()
    (path,) = (project.folder / "blog/sql_migrations").glob("*.sql")
    assert outcome.stdout == path.read_text()
    project.run().ok()
    outcome = generate(project, "--check").ok()
    assert outcome.stderr == ""
    assert outcome.stdout == "No changes detected\n"
    outcome = generate(project, "--dry-run").ok()
    assert (outcome.stdout, outcome.stderr) == ("", "No changes detected\n")
    outcome = project.manage("makemigration", "blog", "first", "--dry-run").ok()
    assert outcome.stdout.endswith("-- migrate:down\n\n")
    assert "Would create" in outcome.stderr


def test_an_index_without_a_name_is_not_renamed(bench: Bench) -> None:
    def book(*indexes: models.Index) -> list[type[models.Model]]:
        return models_of(Book={"n": models.IntegerField(), "Meta": {"indexes": indexes}})

    bench.become(book(models.Index(fields=["n"])))
    (name,) = bench.catalog()["blog_book"].indexes
    bench.session.execute(f"ALTER INDEX {name} RENAME TO as_it_was")
    assert bench.draft(book(models.Index(fields=["n"]))).up == ()
    (renamed,) = bench.draft(book(models.Index(fields=["n"], name="mine"))).up
    assert renamed.sql == 'ALTER INDEX "as_it_was" RENAME TO "mine"'


def test_a_collation_that_is_not_there(bench: Bench) -> None:
    with pytest.raises(DatabaseError, match="If it is of an extension, or a collation or type, write a migration"):
        bench.draft(models_of(Book={"name": models.CharField(max_length=9, db_collation="natural_sort")}))
