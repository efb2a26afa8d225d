"""Repairs in the admin: each with a permission of its own, a page that asks, and what was shown or nothing."""

from __future__ import annotations

import contextlib

import pytest
from django.contrib.admin.models import LogEntry

from medusa_migrations import api
from medusa_migrations.admin.repairs import REPAIRS
from medusa_migrations.errors import MigrationError
from tests.support.admin_site import (
    LIST,
    MAY_REVERT,
    MAY_RUN,
    ONE,
    REPAIR,
    RUN,
    TWO,
    VIEW,
    Site,
    form_of,
    get,
    locked,
    page_of,
    post,
    problem,
    tables,
    text,
)

MAY = {name: one.permission for name, one in REPAIRS.items()}


def in_each_state(site: Site) -> None:
    """ONE is changed, TWO failed part-way and may be committed in part."""
    tables(site, 1)
    site.project.write(TWO, "SELECT 1;\nDO $$ BEGIN COMMIT; PERFORM 1/0; END $$;", option=" transaction:false")
    with contextlib.suppress(MigrationError):
        api.run()
    site.project.write(ONE, "CREATE TABLE t1 (id int); -- mended", "DROP TABLE t1;")


@pytest.mark.parametrize(
    ("name", "id_", "after"),
    [
        ("accept", ONE, "applied"),
        ("reverted", ONE, "pending"),
        ("applied", TWO, "applied"),
        ("reverted", TWO, "pending"),
        ("again", TWO, "failed part-way"),
    ],
)
@pytest.mark.smoke
def test_a_repair_is_asked_for_done_and_kept_in_the_journal(site: Site, name: str, id_: str, after: str) -> None:
    in_each_state(site)
    client = site.client(VIEW, MAY[name])
    before = text(get(client, page_of(id_)))
    assert f"{REPAIRS[name].title}…" in before
    page = get(client, f"{REPAIR}{name}/", id=id_)
    assert str(REPAIRS[name].effect) in text(page)
    assert "CREATE TABLE t1" in page or "PERFORM 1/0" in page
    response = client.post(f"{REPAIR}{name}/", form_of(page), follow=True)
    assert response.redirect_chain[-1][0] == f"{page_of(id_)}?database=default"
    shown = text(response.content.decode())
    assert f"{REPAIRS[name].done} ({id_})" in response.content.decode()
    assert f"State {after}" in shown
    assert "repaired" in shown
    assert "ada" in shown
    assert LogEntry.objects.get().object_id == id_


@pytest.mark.parametrize("name", REPAIRS)
@pytest.mark.smoke
def test_each_repair_needs_its_own_permission(site: Site, name: str) -> None:
    in_each_state(site)
    id_ = ONE if name == "accept" else TWO
    form = form_of(get(site.admin(), f"{REPAIR}{name}/", id=id_))
    assert set(form) >= {"id", "database", "fingerprint"}
    others = [one for other, one in MAY.items() if other != name]
    client = site.client(VIEW, MAY_RUN, MAY_REVERT, *others)
    before = site.project.history()
    assert f"{REPAIRS[name].title}…" not in text(get(client, page_of(id_)))
    assert client.get(f"{REPAIR}{name}/", {"id": id_}).status_code == 403
    assert client.post(f"{REPAIR}{name}/", form).status_code == 403
    assert site.project.history() == before
    assert MAY[name] in {one.permission for one in REPAIRS.values()}


def test_without_the_token_of_the_form_nothing_is_repaired(site: Site) -> None:
    in_each_state(site)
    client = site.admin(enforce_csrf_checks=True)
    form = form_of(get(client, f"{REPAIR}accept/", id=ONE))
    form.pop("csrfmiddlewaretoken")
    assert client.post(f"{REPAIR}accept/", form).status_code == 403
    assert site.client(VIEW, name="bob").get(f"{REPAIR}nonsense/").status_code == 404


@pytest.mark.smoke
def test_what_is_not_as_it_was_shown_is_not_repaired(site: Site) -> None:
    in_each_state(site)
    client = site.admin()
    form = form_of(get(client, f"{REPAIR}accept/", id=ONE))
    site.project.write(ONE, "CREATE TABLE t1 (id int); DROP TABLE precious;", "DROP TABLE t1;")
    page = post(client, f"{REPAIR}accept/", form)
    assert problem(page) == "The migration is not what was shown any more. Nothing was repaired. Look at it again."
    assert "DROP TABLE precious" in page
    assert "State changed since" in text(get(client, page_of(ONE)))
    for fingerprint in ("", "0" * 64):
        changed = form | {"fingerprint": fingerprint}
        assert "not what was shown" in problem(post(client, f"{REPAIR}accept/", changed))
    with locked(site):
        assert "are being run by pid" in problem(post(client, f"{REPAIR}accept/", form_of(page)))
    assert client.post(f"{REPAIR}accept/", form_of(page)).status_code == 302
    assert "This is not what a migration needs that is in this state: applied." in problem(
        get(client, f"{REPAIR}accept/", id=ONE)
    )
    assert "not what was shown" in problem(post(client, f"{REPAIR}accept/", form_of(page)))


def test_a_run_that_is_refused_leads_to_what_settles_that(site: Site) -> None:
    in_each_state(site)
    page = get(site.client(VIEW, MAY_RUN, MAY["accept"]), RUN)
    assert "Changed since it was applied, so nothing was run" in problem(page)
    assert f"{ONE} changed since it was applied Accept the changed file…" in text(page)
    assert f'href="{REPAIR}accept/?database=default&amp;id={ONE}"' in page
    assert f"{TWO} failed part-way" in text(page)
    assert "Mark as" not in page


def test_what_was_done_by_hand_is_marked_as_applied(site: Site) -> None:
    tables(site, 1)
    client = site.admin()
    page = get(client, f"{REPAIR}applied/", id=ONE)
    assert client.post(f"{REPAIR}applied/", form_of(page)).status_code == 302
    assert site.project.applied() == [ONE]
    assert "t1" not in site.project.tables()
    assert "There is no migration" in problem(get(client, f"{REPAIR}applied/", id="blog.x"))


def test_a_page_of_what_failed_part_way_has_its_place_and_its_next_step(site: Site) -> None:
    site.project.write(ONE, "CREATE TABLE t1 (id int);\nSELECT nothing;", "SELECT 1;", option=" transaction:false")
    with contextlib.suppress(MigrationError):
        api.run()
    page = get(site.admin(), page_of(ONE))
    message = problem(page)
    assert "project/blog/sql_migrations/20240101000001_t1.sql:3:8" in message
    assert "     3 | SELECT nothing;\n       |        ^" in message
    assert "When the cause is mended" in text(page)
    assert "Checksum in the history" not in page
    for button in ("Go on with it…", "Mark as applied…", "Mark as reverted…"):
        assert button in text(page)
    assert "Let its statement be sent again…" not in text(page)
    assert text(get(site.client(VIEW), page_of(ONE))).count("…") == 0
    assert "failed part-way" in text(get(site.admin("eve"), LIST))
