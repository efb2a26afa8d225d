"""Running and reverting in the admin: what is shown before, what is done, and what is reported."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connections

from medusa_migrations import api
from medusa_migrations.admin.runs import warnings_of
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.results import LintFinding, MigrationResult
from tests.support.admin_site import (
    LIST,
    MAY_REVERT,
    MAY_RUN,
    ONE,
    REVERT,
    RUN,
    THREE,
    TWO,
    VIEW,
    Site,
    confirm,
    form_of,
    get,
    page_of,
    post,
    problem,
    tables,
    text,
)


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
    assert f"{TWO} failed {'failed part-way' if mode == 'none' else 'pending'}" in report


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


def test_a_failure_is_told_in_the_language_of_the_pages(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    german = {"It was rolled back.": "Es wurde zurückgenommen."}
    monkeypatch.setattr("medusa_migrations.admin.message.gettext", lambda text: german.get(text, text))
    site.project.write(ONE, "SELECT 1/0;")
    assert "\nEs wurde zurückgenommen.\n" in problem(confirm(site.admin(), RUN))


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


def test_a_run_of_phase_before_leaves_what_is_after(site: Site) -> None:
    tables(site, 1)
    site.project.write(TWO, "SELECT 1;", header="-- migrate:phase after\n")
    client = site.admin()
    assert f"{TWO} Phase after: it is for when the new code is live." in text(get(client, RUN))
    page = get(client, RUN, phase="before")
    assert '<option value="before" selected>' in page
    assert form_of(page)["phase"] == "before"
    held = f"1 migration is held back until the new code is live: {TWO}. Run it then with"
    assert held in text(page)
    report = text(post(client, RUN, form_of(page)))
    assert held in report
    assert site.project.applied() == [ONE]
    assert "20240101000002_t2 pending phase after" in text(get(client, LIST))
    assert "Phase after: for when the new code is live" in text(get(client, page_of(TWO)))
    assert "phase is 'later'" in problem(get(client, RUN, phase="later"))
    assert f"{TWO} applied" in text(confirm(client, RUN))


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


def test_the_confirmation_shows_what_lint_has_found() -> None:
    id_ = MigrationId("blog", "20240101000001_x")
    finding = LintFinding(id_, Direction.UP, "scan", "error", "blog/x.sql", 3, 1, "ALTER …", "It reads all of post")
    planned = MigrationResult(id_, "planned", sql="SELECT 1", findings=(finding,))
    assert warnings_of(planned, Direction.UP) == ["blog/x.sql:3: scan: It reads all of post"]


def test_a_repeatable_one_is_listed_as_to_be_run_again_and_runs(site: Site) -> None:
    tables(site, 1)
    view = "blog.R__view"
    site.project.write(view, "CREATE VIEW v AS SELECT id FROM t1;", "DROP VIEW v;", header="-- migrate:replace\n")
    client = site.admin()
    confirm(client, RUN)
    site.project.write(view, "CREATE VIEW v AS SELECT 1 AS id;", "DROP VIEW v;", header="-- migrate:replace\n")
    assert "changed, to be run again" in text(get(client, LIST))
    page = text(get(client, RUN))
    for part in (f"Undoes {view} before, in the same transaction.", "DROP VIEW v;", "SELECT 1 AS id"):
        assert part in page
    assert f"{view} applied" in text(confirm(client, RUN))
    assert site.project.sql("SELECT id FROM v") == [(1,)]
