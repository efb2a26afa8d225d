"""A project leaves its Django migrations behind: one database is written down, others are recorded, new ones made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from medusa_migrations.verify.catalog.snapshot import Reader
from tests.support.copies import copied, original
from tests.support.past import SHOP, go_on, make_past
from tests.support.projects import Project, Server
from tests.support.sessions import session_on

pytestmark = pytest.mark.xdist_group("taken over")  # what they begin with is made once

# What a project has made by hand, below and beside its models.
BY_HAND = """
CREATE EXTENSION IF NOT EXISTS hstore;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE DOMAIN word AS citext CHECK (VALUE <> '');
CREATE COLLATION german FROM "C";
CREATE FUNCTION cleaned(t text) RETURNS text LANGUAGE sql IMMUTABLE RETURN trim(t);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.slug := cleaned(NEW.slug); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON blog_post FOR EACH ROW EXECUTE FUNCTION touch();
CREATE INDEX "Post ü cleaned" ON blog_post (cleaned(title));
ALTER TABLE blog_tag ALTER word TYPE word;
ALTER TABLE blog_tag ADD extra hstore DEFAULT 'a=>1';
ALTER TABLE blog_author ALTER full_name TYPE varchar(100) COLLATE german;
"""
ITS_OWN = ["public.medusa_migrations", "public.medusa_migrations_log", "public.django_migrations"]


@pytest.fixture(scope="module")
def first_past(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with original(server, tmp_path_factory.mktemp("before"), "before") as project:
        make_past(project)
        project.manage("migrate", "-v0").ok()
        yield project


@pytest.fixture
def databases(first_past: Project, project: Project) -> Iterator[dict[str, str]]:
    """Production and staging, which Django migrations have made, and a new one."""
    copied(first_past, project)
    names = {"production": project.database, "staging": f"{project.database}_s", "new": f"{project.database}_n"}
    project.server.create_database(names["staging"], first_past.database)
    project.server.create_database(names["new"])
    try:
        yield names
    finally:
        for name in ("staging", "new"):
            project.server.drop_database(names[name])


def catalogs(project: Project, databases: dict[str, str]) -> list[Any]:
    with ExitStack() as stack:
        sessions = [stack.enter_context(session_on(project.server, one)) for one in databases.values()]
        return [Reader(session, ITS_OWN).read().things for session in sessions]


@pytest.mark.smoke
def test_a_project_is_taken_over_by_a_baseline_in_every_database(
    project: Project, databases: dict[str, str], django_db_blocker: Any
) -> None:
    for name in ("production", "staging"):
        project.database = databases[name]
        project.sql(BY_HAND)
    project.database = databases["production"]
    project.configure(IGNORE=["blog_tag.word", "blog_tag.extra", "blog_author.full_name", "blog_post.Post*"])
    made = project.manage("makemigration", "blog", "shop", "--baseline").ok()
    assert "Recorded 3 migrations" in made.stdout
    written = {path.name: path.read_text() for path in project.folder.glob("*/sql_migrations/*.sql")}
    assert len(written) == 3
    assert all("-- migrate:baseline\n" in text for text in written.values())
    for app in ("blog", "shop"):
        shutil.rmtree(project.folder / app / "migrations")
    project.manage("migrations_build").ok()

    # A release knows nothing of which database it is for.
    recorded = project.manage("migrations_run", "--json").ok().json
    assert recorded["migrations"] == []
    project.database = databases["staging"]
    before = project.sql("SELECT count(*), min(full_name) FROM blog_author")
    statuses = {one["status"] for one in project.manage("migrations_run", "--json").ok().json["migrations"]}
    assert statuses == {"faked"}
    assert project.sql("SELECT count(*), min(full_name) FROM blog_author") == before
    project.database = databases["new"]
    assert project.manage("migrate").ok().stdout.count(" Applying ") > 3
    assert project.sql("SELECT count(*) FROM medusa_migrations_log WHERE action = 'applied'") == [(3,)]
    with django_db_blocker.unblock():
        production, staging, new = catalogs(project, databases)
    assert production == staging
    assert production == new

    checks = [("makemigration", app, "--generate", "--check") for app in ("blog", "shop")]
    for name in databases.values():
        project.database = name
        said = project.manage_several(*checks, ("migrate",)).ok().stdout
        assert said.count("No changes detected") == len(checks)
        assert "No migrations to apply." in said

    # And on they go together.
    project.database = databases["production"]
    go_on(project)
    project.add_models("shop", SHOP.replace("null=True)", 'null=True, related_name="+")'))
    project.manage("makemigration", "--generate", "blog", "shop").ok()
    for name in databases.values():
        project.database = name
        project.manage("migrations_run", "--build").ok()
    with django_db_blocker.unblock():
        production, staging, new = catalogs(project, databases)
    assert production == staging
    assert production == new
    project.manage("makemigrations", "--check").ok()
    assert "0 faults" in project.manage("migrations_verify", "--no-lint").ok().stdout


def test_what_was_made_another_way_is_refused_and_other_names_are_told(
    project: Project, databases: dict[str, str]
) -> None:
    project.manage("makemigration", "blog", "shop", "--baseline").ok()
    for app in ("blog", "shop"):
        shutil.rmtree(project.folder / app / "migrations")
    project.manage("migrations_build").ok()
    project.database = databases["staging"]
    project.sql("ALTER TABLE blog_post RENAME CONSTRAINT one_title TO another_title")
    project.sql("ALTER TABLE blog_post ALTER slug TYPE text")
    message = project.manage("migrations_run").error()
    assert "blog_post" in message
    assert "slug" in message
    assert project.history() == []
    project.sql("ALTER TABLE blog_post ALTER slug TYPE varchar(50)")
    outcome = project.manage("migrations_run").ok()
    assert "--rename-constraints" in outcome.stderr
    project.sql("ALTER TABLE blog_post RENAME CONSTRAINT another_title TO one_title")
    document = json.loads(project.manage("migrations_show", "--json").ok().stdout)
    assert {one["state"] for one in document["migrations"]} == {"applied"}
