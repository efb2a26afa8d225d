"""The admin's page of the journal."""

from __future__ import annotations

import pytest

from medusa_migrations import api
from medusa_migrations.admin.journal import PER_PAGE
from tests.support.admin_site import LIST, ONE, RUN, TWO, Site, confirm, get, page_of, problem, tables, text

JOURNAL = f"{LIST}journal/"


@pytest.mark.smoke
def test_what_happened_is_listed_the_latest_first(site: Site) -> None:
    tables(site, 1, 2)
    client = site.admin()
    assert "There are no entries." in text(get(client, JOURNAL))
    confirm(client, RUN)
    api.revert()
    page = text(get(client, JOURNAL))
    assert page.index("reverted") < page.index("applied")
    assert ONE in page
    assert "root" in page
    only = text(get(client, JOURNAL, action="reverted"))
    assert TWO in only
    assert ONE not in only
    assert "Entries of" in text(get(client, JOURNAL, id=ONE))
    assert TWO not in text(get(client, JOURNAL, id=ONE))
    assert "There are no entries." in text(get(client, JOURNAL, id=f"{ONE}\0"))
    assert f'href="{JOURNAL}' in get(client, LIST)


def test_a_migration_has_its_own_entries(site: Site) -> None:
    tables(site, 1, 2)
    client = site.admin()
    assert "There are no entries." in text(get(client, page_of(ONE)))
    api.run()
    page = text(get(client, page_of(ONE)))
    assert "Journal When Action Took By" in page
    assert "root from " in page
    assert "All entries" in page


def test_older_ones_are_a_page_away(site: Site) -> None:
    tables(site, 1)
    api.run()
    site.project.sql(
        "INSERT INTO medusa_migrations_log (at, run, action, app, name, checksum, applied_by, database_user, process,"
        " release, database, sqlstate, message) SELECT now(), gen_random_uuid(), 'failed', 'blog', 'x' || n, '', '',"
        f" '', '', '', '', '42P01', '<b>' FROM generate_series(1, {PER_PAGE}) n"
    )
    client = site.admin()
    latest = get(client, JOURNAL)
    assert "&lt;b&gt; (SQLSTATE 42P01)" in latest
    assert ONE not in latest
    oldest = text(get(client, JOURNAL, before="2"))
    assert ONE in oldest
    assert "Latest" in oldest
    assert "Older" not in oldest
    assert "?database=default&amp;before=2" in latest
    assert get(client, JOURNAL, before="nonsense").count("42P01") == PER_PAGE


def test_what_is_in_the_way_is_told(site: Site) -> None:
    assert "There is no database 'nowhere'" in problem(get(site.admin(), JOURNAL, database="nowhere"))


def test_only_who_may_view_sees_it(site: Site) -> None:
    assert site.client("run_migrations").get(JOURNAL).status_code == 403
    assert site.client("view_appliedmigration", name="eve").get(JOURNAL).status_code == 200
    assert site.admin().post(JOURNAL).status_code == 405
