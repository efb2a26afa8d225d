"""A project with production databases and years of Django migrations had no way to go on in SQL but a baseline whose
names differ, faked everywhere. Found on real projects."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from medusa_migrations.verify.catalog.snapshot import Reader
from tests.support.past import LAST, NOTE, SHOP, go_on, make_past, take_over
from tests.support.projects import Project
from tests.support.sessions import session_on

FIRST = "20260101000000"
COMMENTS = f"blog.{FIRST}_comments"
ITS_OWN = ["public.medusa_migrations", "public.medusa_migrations_log"]


@pytest.fixture
def past(project: Project) -> Project:
    """The app's Django migrations are applied; nothing is SQL's yet."""
    make_past(project)
    project.env["DEBUG"] = "1"
    project.manage("migrate").ok()
    return project


@pytest.fixture
def taken(past: Project) -> Project:
    """Taken over, with a first SQL migration, generated, applied."""
    take_over(past)
    go_on(past)
    past.manage("makemigration", "blog", "comments", "--generate", "--timestamp", FIRST).ok()
    past.manage("migrate").ok()
    return past


@contextmanager
def new_database(project: Project) -> Iterator[str]:
    """An empty database in place of the project's."""
    old, name = project.database, f"test_new_{os.getpid()}"
    project.server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        project.database = name
        yield old
    finally:
        project.database = old
        project.server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def things(project: Project, *databases: str) -> list[Any]:
    with ExitStack() as stack:
        sessions = [stack.enter_context(session_on(project.server, one)) for one in databases]
        return [Reader(session, ITS_OWN).read().things for session in sessions]


@pytest.mark.smoke
def test_taken_over_nothing_has_changed(past: Project) -> None:
    take_over(past)
    assert past.manage("check").ok().stderr == ""
    assert past.manage("makemigrations", "--check").ok().stdout == "No changes detected\n"
    assert "No changes detected" in past.manage("makemigration", "blog", "--generate", "--check").ok().stdout
    assert "No migrations to apply." in past.manage("migrate").ok().stdout


@pytest.mark.smoke
def test_a_new_database_has_the_catalog_of_the_one_that_was_taken_over(taken: Project, django_db_blocker: Any) -> None:
    assert taken.applied() == [COMMENTS]
    taken.manage("makemigrations", "--check").ok()
    with new_database(taken) as old, django_db_blocker.unblock():
        out = taken.manage("migrate").ok().stdout
        order = [line.split()[1].rstrip(".") for line in out.splitlines() if " Applying " in line]
        assert order.index("shop.0004_rows") + 1 == order.index(COMMENTS), order
        before, after = things(taken, old, taken.database)
        assert before == after
        assert taken.sql("SELECT count(*) FROM shop_review") == [(1,)]
        assert "No changes detected" in taken.manage("makemigration", "blog", "--generate", "--check").ok().stdout


@pytest.mark.smoke
def test_another_app_refers_to_what_only_sql_has_made(taken: Project, django_db_blocker: Any) -> None:
    taken.add_models("shop", SHOP + NOTE)
    taken.manage("makemigrations", "-n", "note").ok()
    text = (taken.folder / "shop/migrations/0005_note.py").read_text()
    assert "('blog', '__latest__')" in text
    assert taken.manage("migrate").ok().stdout.count("Applying ") == 1
    assert taken.manage("makemigrations", "--check").ok().stdout == "No changes detected\n"
    assert "No migrations to apply." in taken.manage("migrate").ok().stdout
    taken.manage("showmigrations", "--plan").ok()
    assert 'REFERENCES "blog_comment"' in taken.manage("sqlmigrate", "shop", "0005").ok().stdout
    with new_database(taken) as old, django_db_blocker.unblock():
        taken.manage("migrate").ok()
        before, after = things(taken, old, taken.database)
        assert before == after
    # A file that names the last Django migration says the same, as the past has no such model.
    (taken.folder / "shop/migrations/0005_note.py").write_text(text.replace("__latest__", LAST))
    with new_database(taken):
        taken.manage("migrate").ok()
    assert "is_ready" not in taken.manage("migrations_verify").ok().stderr


def test_a_data_migration_sees_todays_models_after_the_latest(taken: Project) -> None:
    rows = """migrations.RunPython(lambda apps, editor: [
        apps.get_model("blog", "Comment").objects.create(text=post.subtitle)
        for post in apps.get_model("blog", "Post").objects.filter(subtitle="")])"""
    taken.manage("migrate").ok()
    taken.sql("ALTER TABLE blog_comment ALTER post_id DROP NOT NULL")
    taken.add_django_migration("shop", "0005_comments", rows, ("blog", "__latest__"))
    taken.manage("migrate").ok()
    assert taken.sql("SELECT count(*) FROM blog_comment") == [(1,)]
