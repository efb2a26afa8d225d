"""What the admin's log has of runs and reverts."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from tests.support.admin_site import (
    MAY_REVERT,
    MAY_RUN,
    ONE,
    REVERT,
    RUN,
    TWO,
    VIEW,
    Site,
    confirm,
    form_of,
    get,
    locked,
    page_of,
    post,
    tables,
    text,
)


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


def test_a_baseline_that_is_recorded_is_reported_and_logged(site: Site) -> None:
    table = "CREATE TABLE one (id bigint PRIMARY KEY);"
    site.project.sql(table)
    site.project.write(ONE, table, "DROP TABLE one;", header="-- migrate:baseline\n")
    assert "recorded only" in confirm(site.admin(), RUN)
    (entry,) = LogEntry.objects.all()
    assert entry.get_change_message() == "Recorded in the database “default”: what it makes was there already."


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
