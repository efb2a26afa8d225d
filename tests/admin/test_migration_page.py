"""The admin's page of one migration."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.utils import quote

from medusa_migrations import api
from tests.support.admin_site import LIST, ONE, REVERT, RUN, TWO, Site, confirm, get, page_of, problem, tables, text


@pytest.mark.smoke
def test_a_page_tells_all_of_a_migration(site: Site) -> None:
    site.project.table(1)
    site.project.write(
        TWO,
        "CREATE TABLE t2 (id int);",
        "DROP TABLE t2;",
        header=f"-- Makes the second table.\n-- migrate:depends {ONE}\n",
    )
    client = site.admin()
    pending = text(get(client, page_of(TWO)))
    assert "State pending" in pending
    confirm(client, RUN)
    page = text(get(client, page_of(TWO)))
    described = api.describe(TWO)
    for part in (
        "Makes the second table.",
        "State applied Database default",
        "By root",
        f"Run {described.shown.run}",
        "File project/blog/sql_migrations/20240101000002_t2.sql",
        f"Checksum of the file {described.shown.checksum}",
        f"Depends on {ONE}",
        "Up 1 line CREATE TABLE t2 (id int);",
        "Down 1 line DROP TABLE t2;",
        "root Applied in the database “default”.",
    ):
        assert part in page, part


def test_a_changed_one_shows_both_checksums_and_the_stored_down_part(site: Site) -> None:
    tables(site, 1)
    api.run()
    before = api.describe(ONE).shown.checksum
    site.project.write(ONE, "SELECT 'new';", "SELECT 'new down';")
    page = text(get(site.admin(), page_of(ONE)))
    assert f"Checksum in the history {before}" in page
    assert "SELECT 'new down';" in page
    assert "Down, as the history has stored it 2 lines -- migrate:down DROP TABLE t1;" in page


def test_one_whose_file_is_gone_shows_what_the_history_has(site: Site) -> None:
    tables(site, 1)
    api.run()
    (site.project.folder / "blog/sql_migrations/20240101000001_t1.sql").unlink()
    page = text(get(site.admin(), page_of(ONE)))
    assert "applied, file missing" in page
    assert "Checksum in the history" in page
    assert "DROP TABLE t1;" in page


def test_one_whose_build_cannot_be_read_shows_the_rest(site: Site, built: Any, tmp_path: Any) -> None:
    tables(site, 1)
    built()
    next((tmp_path / "dist").rglob("*.sql")).unlink()
    page = get(site.admin(), page_of(ONE))
    assert "Cannot read" in problem(page)
    assert "Run migrations_build" in problem(page)
    assert "State pending" in text(page)


def test_an_irreversible_one_says_so(site: Site) -> None:
    site.project.write(ONE, "SELECT 1;", None)
    assert "Irreversible" in text(get(site.admin(), page_of(ONE)))


@pytest.mark.parametrize("name", ["20240101000001-a.b-c", "20240101000001_a_2Fb.c", "20240101000001_.._x"])
def test_ids_with_dots_dashes_and_what_looks_quoted(site: Site, name: str) -> None:
    site.project.write(f"blog.{name}", "SELECT 1;", "SELECT 2;")
    client = site.admin()
    confirm(client, RUN, to=f"blog.{name}")
    address = page_of(f"blog.{name}")
    assert address in get(client, LIST)
    assert "State applied" in text(get(client, address))
    assert "Applied in the database" in text(get(client, address))
    assert text(get(client, address.replace("/change/", "/history/"))) == text(get(client, address))


def test_an_unknown_one_gets_the_nearest(site: Site) -> None:
    tables(site, 1)
    page = problem(get(site.admin(), page_of("blog.20240101000001_t2")))
    assert page == f"There is no migration 'blog.20240101000001_t2'. Did you mean '{ONE}'?"


@pytest.mark.smoke
def test_a_migration_in_python_shows_its_file_and_runs_with_its_sql(site: Site) -> None:
    text_of_file = (
        '"""Tags."""\nfrom django.db import models\nfrom medusa_migrations import reverse\n\n\ndef up(schema):\n'
        '    schema.create_table("tag", {"id": models.BigAutoField(primary_key=True)})\n\n\ndown = reverse(up)\n'
    )
    (site.project.add_app("blog") / "20240101000001_tags.py").write_text(text_of_file)
    client = site.admin()
    page = get(client, f"{LIST}{quote('blog.20240101000001_tags')}/change/")
    assert "down = reverse(up)" in page
    assert "Irreversible" not in page
    assert "CREATE TABLE" in get(client, RUN)
    assert "applied" in text(confirm(client, RUN))
    assert "DROP TABLE" in get(client, REVERT)
    assert "Loses data" in get(client, REVERT)
    assert "reverted" in text(confirm(client, REVERT))
