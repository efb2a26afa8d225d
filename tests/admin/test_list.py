"""The admin's list of migrations: states, search, filters and pages."""

from __future__ import annotations

import time
from typing import Any

import pytest

from medusa_migrations import api
from tests.support.admin_site import (
    LIST,
    ONE,
    THREE,
    TWO,
    Site,
    counted_queries,
    get,
    locked,
    page_of,
    problem,
    shown,
    tables,
    text,
)


@pytest.mark.smoke
def test_the_list_has_every_migration_the_latest_first(site: Site) -> None:
    tables(site, 1, 2, 3)
    api.run(to=TWO, applied_by="deploy")
    page = text(get(site.admin(), LIST))
    assert [word for word in page.split() if word.startswith("blog.2024")] == [THREE, TWO, ONE]
    assert f"{THREE} pending {TWO} applied" in page
    assert "deploy" in page


def test_the_list_tells_each_state(site: Site, settings: Any) -> None:
    tables(site, 1, 2, 3)
    site.project.write("blog.20240101000004_broken", "SELECT 1; SELECT 1/0;", option=" transaction:false")
    with pytest.raises(Exception, match="division by zero"):
        api.run()
    site.project.write(ONE, "SELECT 'another';")
    (site.project.folder / "blog/sql_migrations/20240101000002_t2.sql").unlink()
    site.project.write("blog.20240101000005_off", "SELECT 1;", header="-- migrate:feature f\n")
    tables(site, 6)
    client = site.admin()
    page = text(get(client, LIST))
    states = {
        ONE: "changed since it was applied",
        TWO: "applied, file missing",
        THREE: "applied",
        "blog.20240101000004_broken": "failed part-way",
        "blog.20240101000005_off": "feature off",
    }
    for id_, state in states.items():
        assert f"{id_} {state}" in page
    assert "blog.20240101000006_t6 pending" in page
    assert "division by zero" in problem(get(client, page_of("blog.20240101000004_broken")))
    with locked(site):
        site.project.sql("UPDATE medusa_migrations SET state = 'running' WHERE state = 'failed'")
        assert "blog.20240101000004_broken running now" in text(get(client, LIST))


@pytest.mark.smoke
def test_search_and_filters(site: Site) -> None:
    tables(site, 1, 2, 3, 12)
    site.project.write("blog.20240102000000_other", "SELECT 1;")
    api.run(to=ONE, applied_by="ada", fake=True)
    api.run(to=THREE, applied_by="deploy", fake=True)
    client = site.admin()
    runs = [run for (run,) in site.project.sql("SELECT run::text FROM medusa_migrations ORDER BY id")]
    cases: list[tuple[dict[str, str], list[int]]] = [
        ({}, [12, 3, 2, 1]),
        ({"q": "T1"}, [12, 1]),
        ({"q": "deploy"}, [3, 2]),
        ({"q": "t3 deploy"}, [3]),
        ({"q": "nothing"}, []),
        ({"state": "pending"}, [12]),
        ({"state": "applied", "q": "t1"}, [1]),
        ({"state": "no state"}, []),
        ({"app": "blog"}, [12, 3, 2, 1]),
        ({"app": "shop"}, []),
        ({"run": runs[0]}, [1]),
        ({"run": runs[1]}, [3, 2]),
        ({"run": runs[1], "q": "t2"}, [2]),
        ({"run": "no run"}, []),
    ]
    for query, expected in cases:
        assert shown(get(client, LIST, **query)) == expected, query
    page = get(client, LIST, run=runs[1])
    assert f'<li class="selected">\n    <a href="?database=default&amp;run={runs[1]}">' in page
    assert "2 results ( 5 total )" in text(page)
    assert "recorded only" in text(page)
    empty = get(client, LIST, q="nothing")
    assert 'value="nothing" id="searchbar"' in empty
    assert "0 results ( 5 total )" in text(empty)


def test_a_long_list_has_pages_and_each_keeps_the_filters(site: Site) -> None:
    site.project.write(ONE, "SELECT 1;")
    api.run(fake=True)
    site.project.sql(
        "INSERT INTO medusa_migrations (app, name, checksum, state, applied_at, applied_by, run, statements_done,"
        " error) SELECT 'old', (20230101000000 + n) || '_t' || n, '', 'applied', now(), 'x', gen_random_uuid(), 0, ''"
        " FROM generate_series(1, 249) n"
    )
    client = site.admin()
    assert shown(get(client, LIST)) == [1, *range(249, 150, -1)]
    last = get(client, LIST, p="3", app="old")
    assert shown(last) == list(range(49, 0, -1))
    assert 'href="?database=default&amp;app=old&amp;p=2"' in last
    assert shown(get(client, LIST, p="nonsense"))[0] == 1
    assert shown(get(client, LIST, p="99"))[-1] == 1


def test_the_number_of_queries_is_the_same_for_5000_migrations(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    tables(site, 1)
    api.run()
    client = site.admin()
    get(client, LIST)
    with counted_queries(monkeypatch) as few:
        get(client, LIST)
    site.project.sql(
        "INSERT INTO medusa_migrations (app, name, checksum, state, applied_at, applied_by, run, statements_done,"
        " error) SELECT 'old', (20230101000000 + n) || '_t' || n, '', 'applied', now(), 'x', gen_random_uuid(), 0, ''"
        " FROM generate_series(1, 5000) n"
    )
    begun = time.monotonic()
    with counted_queries(monkeypatch) as many:
        page = get(client, LIST)
    assert "5001 migrations" in text(page)
    assert few == many
    assert sum("FROM medusa_migrations" in sql for sql in many) == 1
    assert time.monotonic() - begun < 5


def test_the_list_reads_the_manifest_and_no_migration(site: Site, built: Any, tmp_path: Any) -> None:
    tables(site, 1, 2)
    built()
    for file in (*site.project.folder.rglob("*.sql"), *(tmp_path / "dist").rglob("*.sql")):
        file.unlink()
    assert shown(get(site.admin(), LIST)) == [2, 1]
