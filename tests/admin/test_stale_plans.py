"""What was shown in the admin and what there is now: nothing else is done than what was shown."""

from __future__ import annotations

import time
from typing import Any

import pytest

from medusa_migrations import api
from medusa_migrations.errors import StalePlanError
from tests.support.admin_site import (
    ONE,
    REVERT,
    RUN,
    TWO,
    Site,
    form_of,
    get,
    in_threads,
    locked,
    post,
    problem,
    tables,
    text,
)
from tests.support.projects import SLEEPING


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
