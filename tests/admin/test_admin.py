"""The pages of the admin: what they show, who may see them, and what they do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.db import connections, transaction
from django.http import HttpRequest
from django.test import Client
from django.urls import path
from django.utils.decorators import method_decorator

from medusa_migrations import api
from medusa_migrations.admin import AppliedMigrationAdmin
from medusa_migrations.database import postgresql
from medusa_migrations.errors import StalePlanError
from medusa_migrations.models import AppliedMigration
from project.blog.admin import PostAdmin
from project.blog.models import Post
from tests.support.admin_site import (
    LIST,
    REVERT,
    RUN,
    Site,
    confirm,
    counted_queries,
    forget,
    form_of,
    get,
    in_threads,
    on_databases,
    post,
    problem,
    text,
)
from tests.support.projects import ROOT, SLEEPING, Project, Server

ONE, TWO, THREE = (f"blog.2024010100000{number}_t{number}" for number in (1, 2, 3))
VIEW, MAY_RUN, MAY_REVERT = "view_appliedmigration", "run_migrations", "revert_migrations"
SCRIPT = "<script>alert(1)</script>"


def page_of(id_: str) -> str:
    return f"{LIST}{quote(id_)}/change/"


def tables(site: Site, *numbers: int) -> None:
    for number in numbers:
        site.project.table(number)


@pytest.fixture
def built(site: Site, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """As in production: only what is built counts. Call it to build."""
    monkeypatch.setattr("medusa_migrations.conf.is_testing", lambda: False)
    settings.MEDUSA_MIGRATIONS |= {"AUTO_BUILD": False}
    return api.build


@pytest.fixture
def other(site: Site, server: Server) -> Iterator[str]:
    """A second database, with the alias `other`."""
    name = f"{site.project.database}_2"
    server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    with on_databases(server, default=site.project.database, other=name):
        yield name
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def locked(site: Site) -> Iterator[None]:
    """Somebody else holds the run lock."""
    connection = site.project.server.connect(site.project.database, application_name="the other one")
    try:
        with connection.cursor() as cursor:
            cursor.execute(postgresql.TRY_LOCK)
        yield
    finally:
        connection.close()


# Who may do what.

ALLOWED = [
    ((), set()),
    ((VIEW,), {"list", "page"}),
    ((MAY_RUN,), {"run"}),
    ((MAY_REVERT,), {"revert"}),
    ((VIEW, MAY_RUN), {"list", "page", "run"}),
    ((VIEW, MAY_RUN, MAY_REVERT), {"list", "page", "run", "revert"}),
]


@pytest.mark.parametrize(("permissions", "allowed"), ALLOWED)
@pytest.mark.smoke
def test_each_page_needs_its_permission_and_no_other(
    site: Site, permissions: tuple[str, ...], allowed: set[str]
) -> None:
    tables(site, 1)
    client = site.client(*permissions)
    pages = {"list": LIST, "page": page_of(ONE), "run": RUN, "revert": REVERT}
    found = {name for name, address in pages.items() if client.get(address).status_code == 200}
    refused = {name for name, address in pages.items() if client.get(address).status_code == 403}
    assert (found, refused) == (allowed, set(pages) - allowed)


@pytest.mark.parametrize("permissions", [(), (VIEW,), (VIEW, MAY_REVERT)])
def test_a_form_sent_without_the_permission_runs_nothing(site: Site, permissions: tuple[str, ...]) -> None:
    tables(site, 1)
    form = form_of(get(site.admin(), RUN))
    assert site.client(*permissions).post(RUN, form).status_code == 403
    assert site.project.history() == []


@pytest.mark.parametrize("permissions", [(), (VIEW,), (VIEW, MAY_RUN)])
def test_a_form_sent_without_the_permission_reverts_nothing(site: Site, permissions: tuple[str, ...]) -> None:
    tables(site, 1)
    api.run()
    form = form_of(get(site.admin(), REVERT))
    assert site.client(*permissions).post(REVERT, form).status_code == 403
    assert site.project.applied() == [ONE]


@pytest.mark.parametrize("address", [LIST, RUN, REVERT, page_of(ONE)])
@pytest.mark.parametrize("kind", ["nobody", "not of the staff", "inactive"])
def test_only_the_staff_comes_in(site: Site, address: str, kind: str) -> None:
    client = Client()
    if kind != "nobody":
        user = site.user(VIEW, MAY_RUN, MAY_REVERT, is_staff=kind == "inactive", is_active=kind != "inactive")
        client.force_login(user)
    for method in (client.get, client.post):
        response = method(address)
        assert response.status_code == 302
        assert response["Location"].startswith("/admin/login/")


def test_buttons_are_there_with_their_permissions_only(site: Site) -> None:
    tables(site, 1, 2)
    api.run(to=ONE)
    buttons = {"Run pending…", "Revert…", "Run up to this…", "Revert what came after this…"}
    for name, (permissions, shown) in enumerate(
        [
            ((VIEW,), set()),
            ((VIEW, MAY_RUN), {"Run pending…", "Run up to this…"}),
            ((VIEW, MAY_REVERT), {"Revert…", "Revert what came after this…"}),
            ((VIEW, MAY_RUN, MAY_REVERT), buttons),
        ]
    ):
        client = site.client(*permissions, name=str(name))
        pages = "".join(text(get(client, address)) for address in (LIST, page_of(ONE), page_of(TWO)))
        assert {button for button in buttons if button in pages} == shown


def test_who_may_run_but_not_view_gets_no_links_to_what_is_closed(site: Site) -> None:
    tables(site, 1)
    client = site.client(MAY_RUN)
    assert f'href="{LIST}?' not in get(client, RUN)
    report = confirm(client, RUN)
    assert "The run is done" in report
    assert f'href="{LIST}' not in report
    assert f'href="{page_of(ONE)}' not in report


def test_the_index_shows_it_to_those_who_may_view_it(site: Site) -> None:
    assert LIST in get(site.client(VIEW, name="viewer"), "/admin/")
    assert LIST not in get(site.client(name="other"), "/admin/")


@pytest.mark.parametrize("address", [f"{LIST}add/", f"{LIST}{quote(ONE)}/delete/"])
def test_rows_cannot_be_added_or_deleted(site: Site, address: str) -> None:
    assert site.admin().get(address).status_code == 403


@pytest.mark.smoke
def test_a_form_needs_the_token_against_forgery(site: Site) -> None:
    tables(site, 1)
    client = site.admin(enforce_csrf_checks=True)
    page = get(client, RUN)
    form = form_of(page)
    token = form.pop("csrfmiddlewaretoken")
    assert client.post(RUN, form).status_code == 403
    assert site.project.history() == []
    assert client.post(RUN, form | {"csrfmiddlewaretoken": token}).status_code == 200
    assert site.project.applied() == [ONE]


def test_looking_changes_nothing(site: Site, tmp_path: Any) -> None:
    tables(site, 1)
    client = site.admin()
    form = form_of(get(client, RUN))
    for address in (LIST, page_of(ONE), RUN, REVERT):
        get(client, address)
        get(client, address, **form)
        assert client.head(address, form).status_code == 200
    assert site.project.history() == []
    assert site.project.sql("SELECT to_regclass('medusa_migrations')") == [(None,)]
    assert not (tmp_path / "dist").exists()
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("address", [LIST, page_of(ONE)])
def test_what_only_shows_takes_no_form(site: Site, address: str) -> None:
    assert site.admin().post(address).status_code == 405


@pytest.mark.parametrize("address", [RUN, REVERT])
def test_other_methods_are_refused(site: Site, address: str) -> None:
    client = site.admin()
    assert {client.put(address).status_code, client.delete(address).status_code} == {405}


# The list and the pages.


@pytest.mark.smoke
def test_the_list_has_every_migration_the_latest_first(site: Site) -> None:
    tables(site, 1, 2, 3)
    api.run(to=TWO, applied_by="deploy")
    page = text(get(site.admin(), LIST))
    names = [name for name in page.split() if name.startswith("2024")]
    assert names == ["20240101000003_t3", "20240101000002_t2", "20240101000001_t1"]
    assert "pending blog - - -" in page
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
    for state in ("applied", "changed since it was applied", "applied, file missing", "failed part-way", "feature off"):
        assert f"{state} blog" in page, state
    assert "pending blog" in page
    assert "division by zero" in problem(get(client, page_of("blog.20240101000004_broken")))
    with locked(site):
        site.project.sql("UPDATE medusa_migrations SET state = 'running' WHERE state = 'failed'")
        assert "running now blog" in text(get(client, LIST))


def shown(page: str) -> list[int]:
    """The numbers of the tables whose migrations a list has."""
    return [int(word.rpartition("_t")[2]) for word in text(page).split() if word.startswith("202") and "_t" in word]


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


# Running and reverting.


@pytest.mark.smoke
def test_a_run_does_what_was_shown_and_reports_it(site: Site) -> None:
    tables(site, 1, 2)
    client = site.client(VIEW, MAY_RUN)
    page = get(client, RUN)
    for part in ("These 2 migrations will be run in the database default", "CREATE TABLE t1 (id int);", ONE, TWO):
        assert part in text(page)
    report = text(post(client, RUN, form_of(page)))
    assert "The run is done" in report
    assert f"{ONE} applied" in report
    assert site.project.applied() == [ONE, TWO]
    assert site.project.sql("SELECT DISTINCT applied_by FROM medusa_migrations") == [("ada",)]
    assert site.project.locks() == 0


def test_a_run_up_to_one(site: Site) -> None:
    tables(site, 1, 2, 3)
    confirm(site.admin(), RUN, to=TWO)
    assert site.project.applied() == [ONE, TWO]


@pytest.mark.parametrize(
    ("query", "stay"),
    [
        ({}, [ONE, TWO]),
        ({"steps": "2"}, [ONE]),
        ({"last_run": "1"}, [ONE]),
        ({"to": ONE}, [ONE]),
        ({"to": TWO}, [ONE, TWO]),
    ],
)
@pytest.mark.smoke
def test_a_revert_of_what_was_chosen(site: Site, query: dict[str, str], stay: list[str]) -> None:
    tables(site, 1, 2, 3)
    api.run(to=ONE)
    api.run()
    report = text(confirm(site.client(VIEW, MAY_REVERT), REVERT, **query))
    assert "The revert is done" in report
    assert f"{THREE} reverted" in report
    assert site.project.applied() == stay


@pytest.mark.parametrize("mode", ["all", "each", "none"])
def test_the_mode_of_the_transactions_is_what_was_chosen(site: Site, mode: str) -> None:
    tables(site, 1)
    site.project.write(TWO, "CREATE TABLE t2 (id int); SELECT 1/0;")
    report = text(confirm(site.admin(), RUN, transaction=mode))
    assert "The run has failed" in report
    left = {"all": ([], set()), "each": ([ONE], {"t1"}), "none": ([ONE], {"t1", "t2"})}
    applied, made = left[mode]
    assert site.project.applied() == applied
    assert site.project.tables() & {"t1", "t2"} == made
    states = {"all": "rolled back", "each": "applied", "none": "applied"}
    assert f"{ONE} {states[mode]}" in report
    assert f"{TWO} failed - {'failed part-way' if mode == 'none' else 'pending'}" in report


@pytest.mark.smoke
def test_a_failure_has_its_place_and_says_what_state_things_are_in(site: Site) -> None:
    tables(site, 1)
    site.project.write(TWO, "SELECT 1;\nSELECT nothing;")
    tables(site, 3)
    page = confirm(site.admin(), RUN)
    message = problem(page)
    assert "project/blog/sql_migrations/20240101000002_t2.sql:3:8" in message
    assert "     3 | SELECT nothing;\n       |        ^" in message
    assert "It was rolled back.\nApplied before it in this run: " + ONE in message
    assert "2 migrations are pending." in text(page)


def test_nothing_to_do_has_no_form(site: Site) -> None:
    client = site.admin()
    for address, words in ((RUN, "Nothing is pending."), (REVERT, "Nothing is there to revert.")):
        page = get(client, address)
        assert words in text(page)
        assert form_of(page) == {}


def test_what_is_not_built_is_named(site: Site, built: Any) -> None:
    built()
    tables(site, 1)
    built()
    api.run()
    tables(site, 2)
    assert f"Not built, so not run: {TWO}" in text(get(site.admin(), RUN))


def test_warnings_before_a_run(site: Site) -> None:
    site.project.write(
        ONE, "DROP TABLE IF EXISTS t1;\nDELETE FROM auth_group;\nSELECT 'DROP TABLE not';", None, option=""
    )
    site.project.write(TWO, "SELECT 1;", option=" transaction:false")
    page = text(get(site.admin(), RUN))
    assert page.count("Irreversible") == 1
    assert page.count("Runs without a transaction") == 1
    assert "Loses data: DROP TABLE IF EXISTS t1" in page
    assert "Loses data: DELETE FROM auth_group" in page
    assert page.count("Loses data") == 2


def test_one_begun_before_says_where_it_goes_on(site: Site) -> None:
    site.project.write(ONE, "SELECT 1;\nSELECT 2;\nSELECT missing;", option=" transaction:false")
    client = site.admin()
    assert "failed part-way" in text(confirm(client, RUN))
    assert "Its first 2 statements are done already" in text(get(client, RUN))


def test_late_ones_are_marked(site: Site) -> None:
    tables(site, 2)
    api.run()
    tables(site, 1)
    client = site.admin()
    assert "Out of order" in text(get(client, RUN))
    assert "pending out of order" in text(get(client, LIST))


# What was shown, and what is.


def change_by_another_file(site: Site) -> None:
    tables(site, 2)


def change_by_another_text(site: Site) -> None:
    site.project.write(ONE, "SELECT 'something else';", "")


def change_by_another_run(site: Site) -> None:
    api.run()


@pytest.mark.parametrize("change", [change_by_another_file, change_by_another_text, change_by_another_run])
@pytest.mark.smoke
def test_a_run_of_what_was_not_shown_is_refused_and_shown(site: Site, change: Any) -> None:
    tables(site, 1)
    client = site.admin()
    form = form_of(get(client, RUN))
    change(site)
    before = site.project.history()
    page = post(client, RUN, form)
    assert problem(page) == "What would be done is not what was shown any more. Nothing was done. Look at it again."
    assert site.project.history() == before
    again = form_of(page)
    assert again.get("fingerprint") != form["fingerprint"]
    if again:
        assert "The run is done" in post(client, RUN, again)


def test_a_revert_of_what_was_not_shown_is_refused_and_shown(site: Site) -> None:
    tables(site, 1, 2)
    api.run(to=ONE)
    client = site.admin()
    form = form_of(get(client, REVERT))
    api.run()
    page = post(client, REVERT, form)
    assert "not what was shown" in problem(page)
    assert TWO in text(page)
    assert site.project.applied() == [ONE, TWO]


def test_a_reload_after_success_does_nothing_more(site: Site) -> None:
    tables(site, 1, 2, 3)
    client = site.admin()
    form = form_of(get(client, RUN))
    post(client, RUN, form)
    assert "not what was shown" in problem(post(client, RUN, form))
    form = form_of(get(client, REVERT))
    post(client, REVERT, form)
    assert "not what was shown" in problem(post(client, REVERT, form))
    assert site.project.applied() == [ONE, TWO]


def test_a_form_without_a_fingerprint_is_refused(site: Site) -> None:
    tables(site, 1)
    client = site.admin()
    form = form_of(get(client, RUN))
    for fingerprint in ({}, {"fingerprint": ""}, {"fingerprint": "0" * 64}):
        assert "not what was shown" in problem(post(client, RUN, {"database": form["database"]} | fingerprint))
    assert site.project.history() == []


def test_the_fingerprint_is_of_the_mode_too(site: Site) -> None:
    tables(site, 1)
    client = site.admin()
    form = form_of(get(client, RUN, transaction="all"))
    assert "not what was shown" in problem(post(client, RUN, form | {"transaction": "none"}))
    assert site.project.history() == []


def test_the_plan_is_compared_under_the_lock(site: Site) -> None:
    """Another run that works while this one waits makes what was shown untrue."""
    site.project.write(ONE, "SELECT pg_sleep(1);")
    shown = api.run(sql=True)

    def wait() -> None:
        with pytest.raises(StalePlanError):
            api.run(expected=shown.fingerprint, lock_wait=30)

    process = site.project.start("migrations_run", "--build")
    site.project.wait_for(SLEEPING)
    wait()
    process.communicate(timeout=30)
    assert site.project.applied() == [ONE]


def test_a_double_click_runs_once(site: Site) -> None:
    site.project.write(ONE, "CREATE TABLE t1 (id int); SELECT pg_sleep(0.5);")
    client = site.admin()
    form = form_of(get(client, RUN))
    pages = in_threads(*[lambda: post(client, RUN, form)] * 2)
    assert sorted("The run is done" in page for page in pages) == [False, True]
    assert site.project.applied() == [ONE]
    refused = next(page for page in pages if "The run is done" not in page)
    assert "are being run by" in problem(refused) or "not what was shown" in problem(refused)


@pytest.mark.smoke
def test_a_lock_held_elsewhere_is_told_at_once(site: Site) -> None:
    tables(site, 1)
    client = site.admin()
    form = form_of(get(client, RUN))
    begun = time.monotonic()
    with locked(site):
        page = post(client, RUN, form)
    assert time.monotonic() - begun < 5
    assert "are being run by pid" in problem(page)
    assert "the other one" in problem(page)
    assert site.project.history() == []
    assert "The run is done" in post(client, RUN, form_of(page))


# What somebody may try.

TAMPERED = [
    ({"database": "nowhere"}, "There is no database 'nowhere' in DATABASES."),
    ({"database": SCRIPT}, "There is no database"),
    ({"database": "__class__"}, "There is no database '__class__' in DATABASES."),
    ({"transaction": "eech"}, "transaction is 'eech'. It must be 'all', 'each' or 'none'. Did you mean 'each'?"),
    ({"to": "blog.20240101000009_t9"}, "There is no migration 'blog.20240101000009_t9'."),
    ({"to": f'"{SCRIPT}'}, "There is no migration"),
    ({"to": "\0"}, "There is no migration"),
]


@pytest.mark.parametrize("address", [RUN, REVERT])
@pytest.mark.parametrize(("changes", "message"), TAMPERED)
def test_tampered_inputs_are_refused_with_a_message(
    site: Site, address: str, changes: dict[str, str], message: str
) -> None:
    tables(site, 1, 2)
    api.run(to=ONE)
    client = site.admin()
    form = form_of(get(client, address))
    for page in (post(client, address, form | changes), get(client, address, **changes)):
        assert problem(page).startswith(message)
        assert SCRIPT not in page
        assert form_of(page) == {}
    assert site.project.applied() == [ONE]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": "-1"}, "'-1' is no number of migrations."),
        ({"steps": "٣"}, "'٣' is no number of migrations."),
        ({"steps": "9" * 30}, "is no number of migrations."),
        ({"steps": "0"}, "steps is 0: at least 1 is needed."),
        ({"steps": "1", "last_run": "1"}, "steps and last_run cannot go together: choose one."),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_message(site: Site, changes: dict[str, str], message: str) -> None:
    tables(site, 1)
    api.run()
    assert message in problem(get(site.admin(), REVERT, **changes))


def test_nothing_of_a_migration_is_taken_for_html(site: Site) -> None:
    site.project.write(
        ONE,
        f"SELECT '{SCRIPT}';\nDO $$ BEGIN RAISE EXCEPTION '{SCRIPT}'; END $$;",
        f"SELECT '{SCRIPT}';",
        header=f"-- {SCRIPT}\n",
        option=" transaction:false",
    )
    client = site.client(VIEW, MAY_RUN, name="<b>ada</b>")
    confirmation = get(client, RUN)
    pages = [
        confirmation,
        post(client, RUN, form_of(confirmation)),
        get(client, page_of(ONE)),
        get(client, LIST),
        get(client, LIST, q=f'"{SCRIPT}', run=SCRIPT, app=SCRIPT, state=SCRIPT),
        get(client, LIST, database=SCRIPT),
        get(client, page_of(SCRIPT)),
    ]
    for page in pages:
        assert SCRIPT not in page
        assert "<b>ada" not in page
    assert SCRIPT in text(pages[1])


def test_5000_lines_of_sql_are_folded_and_whole(site: Site) -> None:
    site.project.write(ONE, "\n".join(f"SELECT {number};" for number in range(5000)), "SELECT 1;")
    client = site.admin()
    for page in (get(client, RUN), get(client, page_of(ONE))):
        assert "5000 lines" in text(page).replace(",", "")
        assert "SELECT 4999;" in page
    assert '<details class="medusa-sql">' in page
    assert '<details class="medusa-sql" open>' in page
    assert "The run is done" in confirm(client, RUN)


def test_huge_sql_is_cut_and_says_so(site: Site) -> None:
    site.project.write(ONE, f"SELECT '{'x' * 2_000_000}' IS NULL;\nTRUNCATE auth_group CASCADE;")
    page = get(site.admin(), RUN)
    assert len(page) < 600_000
    assert "more characters are not shown here" in text(page)
    assert "Loses data: TRUNCATE auth_group CASCADE" in text(page)


# The admin's log.


@pytest.mark.smoke
def test_all_that_is_done_is_logged(site: Site) -> None:
    tables(site, 1)
    site.project.write(TWO, "SELECT 1/0;")
    client = site.client(VIEW, MAY_RUN, MAY_REVERT)
    confirm(client, RUN)
    confirm(client, REVERT)
    confirm(client, RUN, transaction="all")
    found = [
        (entry.user.get_username(), entry.object_id, entry.get_change_message())
        for entry in LogEntry.objects.order_by("id")
    ]
    failed = "Failed to apply in the database “default”: division by zero"
    assert found == [
        ("ada", ONE, "Applied in the database “default”."),
        ("ada", TWO, failed),
        ("ada", ONE, "Reverted in the database “default”."),
        ("ada", ONE, "Rolled back in the database “default”."),
        ("ada", TWO, failed),
    ]
    assert page_of(ONE) in get(client, "/admin/")


def test_what_was_refused_is_not_logged(site: Site) -> None:
    tables(site, 1)
    client = site.admin()
    form = form_of(get(client, RUN))
    with locked(site):
        post(client, RUN, form)
    post(client, RUN, form | {"fingerprint": ""})
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(
    "dropped",
    [
        "DROP TABLE django_admin_log;",
        "DROP TABLE django_content_type CASCADE;",
        "DROP TABLE django_session;",
        "DROP TABLE auth_user, auth_permission, auth_group, auth_user_user_permissions, auth_group_permissions,"
        " auth_user_groups, django_session, django_admin_log, django_content_type CASCADE;",
    ],
)
@pytest.mark.parametrize("who", ["superuser", "somebody with permissions"])
def test_a_migration_that_drops_what_the_admin_needs_is_still_reported(site: Site, dropped: str, who: str) -> None:
    site.project.write(ONE, dropped)
    client = site.admin() if who == "superuser" else site.client(VIEW, MAY_RUN)
    report = text(confirm(client, RUN))
    assert "The run is done" in report
    assert ("could not be written to the admin’s log" in report) == ("session;" not in dropped)
    assert site.project.applied() == [ONE]


# Transactions of requests.


@pytest.mark.parametrize("mode", ["each", "all"])
def test_with_atomic_requests_a_migration_may_change_the_tables_of_users_and_sessions(
    site: Site, settings: Any, mode: str
) -> None:
    connections.settings["default"]["ATOMIC_REQUESTS"] = True
    settings.MEDUSA_MIGRATIONS |= {"LOCK_TIMEOUT": "200ms", "RETRIES": 0}
    site.project.write(ONE, "ALTER TABLE auth_user ADD more int; ALTER TABLE django_session ADD more int;")
    if mode == "each":
        site.project.write(TWO, "CREATE INDEX CONCURRENTLY more ON auth_user (more);", option=" transaction:false")
    client = site.client(VIEW, MAY_RUN)
    assert "The run is done" in confirm(client, RUN, transaction=mode)
    assert LogEntry.objects.count() == len(site.project.applied()) == (2 if mode == "each" else 1)


@pytest.mark.smoke
def test_with_atomic_requests_what_was_done_before_a_failure_stays_and_is_logged(site: Site) -> None:
    connections.settings["default"]["ATOMIC_REQUESTS"] = True
    tables(site, 1)
    site.project.write(TWO, "SELECT 1/0;")
    confirm(site.admin(), RUN)
    assert site.project.applied() == [ONE]
    assert LogEntry.objects.count() == 2


# Several databases.


@pytest.mark.smoke
def test_each_database_has_its_list_and_its_runs(site: Site, other: str) -> None:
    tables(site, 1)
    client = site.admin()
    assert "other" in text(get(client, LIST)).partition("By database")[2]
    page = get(client, RUN, database="other")
    assert "will be run in the database other" in text(page)
    assert "In the database other" in text(post(client, RUN, form_of(page)))
    assert site.project.history() == []
    assert site.project.server.execute("SELECT app FROM medusa_migrations", other) == [("blog",)]
    assert "State pending" in text(get(client, page_of(ONE)))
    assert "State applied" in text(get(client, page_of(ONE), database="other"))
    assert "applied blog" in text(get(client, LIST, database="other"))
    assert f'href="{RUN}?database=other"' in get(client, LIST, database="other")
    assert "In the database other" in text(confirm(client, REVERT, database="other"))


def test_a_database_of_another_kind_is_not_offered(site: Site, other: str) -> None:
    connections.settings["other"]["ENGINE"] = "django.db.backends.sqlite3"
    forget("other")
    client = site.admin()
    assert "By database" not in text(get(client, LIST))
    assert "is SQLite; migrations run on PostgreSQL only" in problem(get(client, LIST, database="other"))
    forget("other")
    connections.settings["other"]["ENGINE"] = "no.such.engine"
    assert "By database" not in text(get(client, LIST))
    assert "The database 'other' cannot be used" in problem(get(client, LIST, database="other"))
    connections.settings["other"]["ENGINE"] = "django.db.backends.postgresql"


# What is broken.


def break_settings(site: Site, settings: Any, other: str) -> str:
    settings.MEDUSA_MIGRATIONS = {"LOCK_WAITS": 1}
    return "MEDUSA_MIGRATIONS has an unknown key 'LOCK_WAITS'. Did you mean 'LOCK_WAIT'?"


def break_a_file(site: Site, settings: Any, other: str) -> str:
    site.project.write(ONE, "SELECT 'open;")
    return "project/blog/sql_migrations/20240101000001_t1.sql:2:8:"


def break_the_connection(site: Site, settings: Any, other: str) -> str:
    connections.settings["other"]["NAME"] = "no_such_database"
    forget("other")
    return "Cannot connect to the database 'other'"


def break_the_history(site: Site, settings: Any, other: str) -> str:
    site.project.server.execute("CREATE TABLE medusa_migrations (something int)", other)
    return "The table 'medusa_migrations' of the database 'other' is no history"


@pytest.mark.parametrize("harm", [break_settings, break_a_file, break_the_connection, break_the_history])
def test_what_is_broken_is_a_message_on_every_page(site: Site, settings: Any, other: str, harm: Any) -> None:
    tables(site, 1)
    client = site.admin()
    form = form_of(get(client, RUN, database="other"))
    message = harm(site, settings, other)
    for address in (LIST, page_of(ONE), RUN, REVERT):
        assert message in problem(get(client, address, database="other"))
    for address in (RUN, REVERT):
        assert message in problem(post(client, address, form))


def test_nothing_built_is_a_message(site: Site, built: Any) -> None:
    tables(site, 1)
    client = site.admin()
    for address in (LIST, page_of(ONE), RUN, REVERT):
        assert "Nothing is built" in problem(get(client, address))
    assert "Nothing is built" in problem(post(client, RUN, {}))


def test_a_role_that_only_reads_sees_all_and_runs_nothing(site: Site, other: str) -> None:
    tables(site, 1)
    server = site.project.server
    role = f"reader_of_{other}"
    server.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'reader'")
    try:
        connections.settings["other"] |= {"USER": role, "PASSWORD": "reader"}
        forget("other")
        client = site.admin()
        assert shown(get(client, LIST, database="other")) == [1]
        page = confirm(client, RUN, database="other")
        assert "Cannot make the history table" in problem(page)
        assert not LogEntry.objects.exists()
    finally:
        forget("other")
        server.execute(f"DROP ROLE {role}")


# Projects with other settings, in processes of their own.

SITE = """
ROOT_URLCONF = "urls"
ALLOWED_HOSTS = ["testserver"]
STATIC_URL = "static/"
"""
LOOK = """
import sys
from django.contrib.auth.models import User
from django.contrib import admin
from django.test import Client
assert "medusa_migrations.api" not in sys.modules, "imported at the start"
client = Client()
client.force_login(User.objects.create_superuser("root"))
for address in ("", "run/", "revert/"):
    response = client.get("/admin/medusa_migrations/appliedmigration/" + address)
    print(response.status_code, "Traceback" in response.content.decode(), "t1" in response.content.decode())
"""


def look_at(project: Project, settings: str) -> list[str]:
    """The status of the list, of the page of a run and of a revert; whether it is a traceback; whether it has t1."""
    project.add_contrib("admin", "auth", "contenttypes", "sessions", "messages")
    project.add_settings(SITE + settings)
    (project.folder / "urls.py").write_text(
        "from django.contrib import admin\nfrom django.urls import path\n"
        "urlpatterns = [path('admin/', admin.site.urls)]\n"
    )
    project.table(1)
    for app in ("auth", "admin", "sessions"):
        project.manage("migrate", app, env={"DEBUG": "1"}).ok()
    (project.folder / "look.py").write_text(LOOK)
    return project.manage("shell", "-v", "0", "-c", "import look", env={"DEBUG": "1"}).ok().stdout.splitlines()


def test_without_translations_static_files_and_time_zones(project: Project) -> None:
    found = look_at(project, "USE_I18N = False\nUSE_TZ = False\n")
    assert found == ["200 False True", "200 False True", "200 False False"]


def test_the_setting_admin_leaves_all_out(project: Project) -> None:
    found = look_at(project, "MEDUSA_MIGRATIONS = {'ADMIN': False}\n")
    assert found == ["404 False False"] * 3


# Somebody's own.


@pytest.fixture
def blog(site: Site) -> Site:
    """The example's app with its tables and a post."""
    name = "20230801075818_add_authors_and_posts"
    source = ROOT / f"project/blog/sql_migrations/{name}.sql"
    (site.project.add_app("blog") / source.name).write_text(source.read_text())
    api.run()
    site.project.sql(
        "WITH a AS (INSERT INTO blog_author (name) VALUES ('Ada') RETURNING id)"
        " INSERT INTO blog_post (title, body, author_id) SELECT 'First', '', id FROM a"
    )
    return site


def act(client: Client) -> str:
    """Choose the example's action for the one post, and go where that leads."""
    form = {"action": "run_migrations", "_selected_action": "1"}
    return client.post("/admin/blog/post/", form, follow=True).content.decode()


@pytest.mark.smoke
def test_an_action_of_ones_own_runs_what_is_pending(blog: Site) -> None:
    tables(blog, 1)
    client = blog.client("view_post", MAY_RUN)
    assert "1 applied." in act(client)
    assert blog.project.applied()[1:] == [ONE]
    assert blog.project.sql("SELECT applied_by FROM medusa_migrations ORDER BY id DESC LIMIT 1") == [("ada",)]
    assert "0 applied." in act(client)


def test_an_action_of_ones_own_tells_errors_and_never_waits(blog: Site) -> None:
    blog.project.write(ONE, f"SELECT '{SCRIPT}' / 1;")
    client = blog.client("view_post", MAY_RUN)
    page = act(client)
    assert "20240101000001_t1 failed (up)" in page
    assert SCRIPT not in page
    begun = time.monotonic()
    with locked(blog):
        assert "are being run by pid" in act(client)
    assert time.monotonic() - begun < 5


def test_an_action_of_ones_own_needs_its_permission(blog: Site) -> None:
    tables(blog, 1)
    client = blog.client("view_post")
    assert "Run pending SQL migrations" not in get(client, "/admin/blog/post/")
    act(client)
    assert ONE not in blog.project.applied()


class Apart(PostAdmin):
    changelist_view = method_decorator(transaction.non_atomic_requests)(PostAdmin.changelist_view)


@pytest.mark.parametrize(("model_admin", "outcome"), [(PostAdmin, "lock timeout"), (Apart, "1 applied.")])
def test_an_action_of_ones_own_with_atomic_requests(
    blog: Site, settings: Any, model_admin: type[PostAdmin], outcome: str
) -> None:
    connections.settings["default"]["ATOMIC_REQUESTS"] = True
    settings.MEDUSA_MIGRATIONS |= {"LOCK_TIMEOUT": "200ms", "RETRIES": 0}
    site = admin.AdminSite()
    site.register(Post, model_admin)
    settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": [path("admin/", site.urls)]})
    blog.project.write(ONE, "ALTER TABLE auth_user ADD more int;")
    assert outcome in act(blog.client("view_post", MAY_RUN))


class Strict(AppliedMigrationAdmin):
    def has_run_permission(self, request: HttpRequest) -> bool:
        return False


@pytest.mark.smoke
def test_the_admin_can_be_replaced_and_is_at_home_in_other_sites(site: Site, settings: Any) -> None:
    backstage = admin.AdminSite(name="backstage")
    backstage.register(AppliedMigration, Strict)
    urls = type("Urls", (), {"urlpatterns": [path("admin/", admin.site.urls), path("backstage/", backstage.urls)]})
    settings.ROOT_URLCONF = urls
    tables(site, 1)
    client = site.admin()
    page = get(client, LIST.replace("admin", "backstage", 1))
    assert "/backstage/medusa_migrations/appliedmigration/revert/" in page
    assert 'href="/admin/' not in page
    assert "Run pending" not in page
    assert client.get(RUN.replace("admin", "backstage", 1)).status_code == 403
    assert client.get(RUN).status_code == 200


def test_permissions_are_checked_by_the_views_themselves(site: Site) -> None:
    request = HttpRequest()
    request.method, request.user = "GET", site.user()
    model_admin = admin.site.get_model_admin(AppliedMigration)
    assert isinstance(model_admin, AppliedMigrationAdmin)
    for view in (model_admin.run_view, model_admin.revert_view, model_admin.changelist_view):
        with pytest.raises(PermissionDenied):
            view(request)
    for view_of_one in (model_admin.change_view, model_admin.history_view):
        with pytest.raises(PermissionDenied):
            view_of_one(request, ONE)


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
