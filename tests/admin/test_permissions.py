"""Who may see and do what in the admin, and by which methods."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.test import Client

from medusa_migrations import api
from medusa_migrations.admin import AppliedMigrationAdmin
from medusa_migrations.models import AppliedMigration
from tests.support.admin_site import (
    LIST,
    MAY_REVERT,
    MAY_RUN,
    ONE,
    REPAIR,
    REVERT,
    RUN,
    TWO,
    VIEW,
    Site,
    confirm,
    form_of,
    get,
    page_of,
    tables,
    text,
)

SOME_RUN = f"{LIST}runs/00000000-0000-4000-8000-000000000000/"

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


@pytest.mark.parametrize("address", [LIST, RUN, REVERT, page_of(ONE), f"{REPAIR}accept/", SOME_RUN])
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


@pytest.mark.parametrize("address", [RUN, REVERT, f"{REPAIR}accept/", SOME_RUN])
def test_other_methods_are_refused(site: Site, address: str) -> None:
    client = site.admin()
    assert {client.put(address).status_code, client.delete(address).status_code} == {405}


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
