"""Runs that a worker carries out: handed over, followed from any browser, refused where they are not what was shown."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import django
import pytest
from django.contrib.admin.models import LogEntry
from django.db import connections
from django.test import Client

from medusa_migrations import api
from medusa_migrations.engines import work
from tests.support.admin_site import (
    LIST,
    MAY_REVERT,
    MAY_RUN,
    ONE,
    QUEUE_FOLDERS,
    REVERT,
    RUN,
    TWO,
    VIEW,
    Queue,
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
from tests.support.projects import SLEEPING, UNTIL_GO


def hand_over(client: Client, address: str = RUN, **query: str) -> str:
    """Confirm, and give the address of the page that follows it."""
    response = client.post(address, form_of(get(client, address, **query)))
    assert response.status_code == 302, problem(response.content.decode())
    return response["Location"]


@pytest.mark.smoke
def test_a_worker_does_what_was_confirmed_and_any_browser_follows_it(site: Site, queue: Queue) -> None:
    tables(site, 1, 2)
    client, other = site.client(VIEW, MAY_RUN), site.client(VIEW, name="bob")
    assert "It is handed over to a worker, by celery" in text(get(client, RUN))
    address = hand_over(client)
    for browser in (client, other):
        page = get(browser, address)
        assert "The run waits for a worker ada handed it over" in text(page)
        assert "celery -A … worker -Q medusa_fleet" in text(page)
        assert f"{ONE} waits {TWO} waits" in text(page)
        assert 'http-equiv="refresh"' in page
    assert site.project.applied() == []
    (job,) = queue.take()
    assert "2 done" in work.do(job)
    page = get(other, address)
    assert f"The run is done In the database default Migration Result Took {ONE} applied" in text(page)
    assert "refresh" not in page
    assert "data-seconds" not in page
    assert site.project.applied() == [ONE, TWO]
    rows = site.project.sql("SELECT DISTINCT applied_by, run::text FROM medusa_migrations")
    assert rows == [("ada", job["run"])]
    assert "nothing is left to do" in work.do(job)
    messages = {one.object_id: one.get_change_message() for one in LogEntry.objects.all()}
    assert messages == dict.fromkeys((ONE, TWO), "Handed over to a worker, to run it in the database “default”.")
    assert "begun by a worker" in text(get(other, f"{LIST}journal/"))


def test_a_revert_is_handed_over_too(site: Site, queue: Queue) -> None:
    tables(site, 1, 2)
    api.run()
    client = site.client(VIEW, MAY_REVERT)
    address = hand_over(client, REVERT, steps="2", transaction="all")
    assert "The revert waits for a worker" in text(get(client, address))
    work.do(queue.take()[0])
    assert f"{TWO} reverted" in text(get(client, address))
    assert site.project.applied() == []


def test_a_failure_has_its_place_and_its_next_step_and_is_not_run_twice(site: Site, queue: Queue) -> None:
    tables(site, 1)
    site.project.write(TWO, "SELECT nextval('tries');\nSELECT nothing;")
    site.project.sql("CREATE SEQUENCE tries")
    client = site.client(VIEW, MAY_RUN)
    address = hand_over(client)
    (job,) = queue.take()
    work.do(job)
    work.do(job)
    assert site.project.sql("SELECT last_value FROM tries") == [(1,)]
    page = get(client, address)
    assert "The run has failed" in text(page)
    message = problem(page)
    assert "project/blog/sql_migrations/20240101000002_t2.sql:3:8" in message
    assert "     3 | SELECT nothing;\n       |        ^" in message
    assert "It was rolled back." in message
    assert f"{ONE} applied" in text(page)
    assert f"{TWO} failed" in text(page)
    assert f'href="{RUN}?database=default"' in page
    assert "medusa-confirm" not in page


def test_what_is_not_what_was_confirmed_any_more_is_refused_and_said(site: Site, queue: Queue) -> None:
    tables(site, 1)
    client = site.client(VIEW, MAY_RUN)
    address = hand_over(client)
    tables(site, 2)
    work.do(queue.take()[0])
    page = get(client, address)
    assert "The run was refused" in text(page)
    assert "the worker has another build than the web server" in problem(page)
    assert site.project.applied() == []
    address = hand_over(client)
    work.do(queue.take()[0])
    assert site.project.applied() == [ONE, TWO]


def test_another_run_that_holds_the_lock_is_told(site: Site, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medusa_migrations.run.job._LOCK_WAIT", 0)
    tables(site, 1)
    client = site.client(VIEW, MAY_RUN)
    form = form_of(get(client, RUN))
    with locked(site):
        assert "are being run by pid" in problem(post(client, RUN, form))
    assert queue.take() == []
    address = hand_over(client)
    with locked(site):
        work.do(queue.take()[0])
    assert "are being run by pid" in problem(get(client, address))
    assert site.project.applied() == []


def test_two_clicks_at_once_hand_one_run_over(site: Site, queue: Queue) -> None:
    tables(site, 1)
    client = site.client(VIEW, MAY_RUN)
    form = form_of(get(client, RUN))
    answers = in_threads(*[lambda: client.post(RUN, form)] * 2)
    assert sorted(answer.status_code for answer in answers) == [200, 302]
    (refused,) = (problem(answer.content.decode()) for answer in answers if answer.status_code == 200)
    assert "are being run by" in refused or "waits for a worker still" in refused
    assert len(queue.take()) == 1


def test_a_second_click_and_a_second_browser_hand_nothing_over(site: Site, queue: Queue) -> None:
    tables(site, 1)
    client, other = site.client(VIEW, MAY_RUN), site.client(VIEW, MAY_RUN, name="bob")
    form = form_of(get(other, RUN))
    address = hand_over(client)
    page = post(other, RUN, form)
    assert "waits for a worker still. Nothing was handed over." in problem(page)
    assert "which ada handed over" in problem(page)
    for shown in (page, get(other, LIST)):
        assert "What ada handed over waits for a worker. Follow it" in text(shown)
        assert f'href="{address}"' in shown
    assert len(queue.take()) == 1


@pytest.mark.smoke
def test_what_no_worker_begins_is_given_up(site: Site, queue: Queue) -> None:
    tables(site, 1)
    client, other = site.client(VIEW, MAY_RUN), site.client(VIEW, MAY_REVERT, name="bob")
    address = hand_over(client)
    (job,) = queue.take()
    assert "Give it up" not in get(other, address)
    assert other.post(address).status_code == 403
    assert client.put(address).status_code == 405
    strict = site.admin(enforce_csrf_checks=True)
    assert strict.post(address).status_code == 403
    assert client.post(address).status_code == 302
    assert "The run was given up" in text(get(client, address))
    assert "nothing is left to do" in work.do(job)
    assert site.project.applied() == []
    assert "It waits for no worker any more." in problem(post(client, address, {"database": "default"}))
    hand_over(client)
    work.do(queue.take()[0])
    assert site.project.applied() == [ONE]


def test_a_job_that_was_not_handed_over_or_was_changed_runs_nothing(site: Site, queue: Queue) -> None:
    tables(site, 1, 2)
    api.run(to=ONE)
    hand_over(site.client(VIEW, MAY_RUN))
    (job,) = queue.take()
    unknown = job | {"run": "00000000-0000-4000-8000-000000000000"}
    assert "nothing is left to do" in work.do(unknown)
    assert "another version" in work.do({"what": "run", "run": job["run"]})
    assert "another version" in work.do(job | {"asked": {"direction": "up", "sql": "DROP TABLE t1"}})
    before = site.project.history()
    work.do(job | {"asked": job["asked"] | {"direction": "down"}})
    assert site.project.history() == before
    assert "another build" in site.project.sql("SELECT message FROM medusa_migrations_log WHERE action = 'ended'")[0][0]


def test_a_form_without_permission_or_token_hands_nothing_over(site: Site, queue: Queue) -> None:
    tables(site, 1)
    client = site.admin(enforce_csrf_checks=True)
    form = form_of(get(client, RUN))
    form.pop("csrfmiddlewaretoken")
    assert client.post(RUN, form).status_code == 403
    assert site.client(VIEW, MAY_REVERT).post(RUN, form).status_code == 403
    assert "not what was shown" in problem(post(site.admin("eve"), RUN, form | {"fingerprint": "0" * 64}))
    assert queue.take() == []
    assert site.project.sql("SELECT to_regclass('medusa_migrations_log')") == [(None,)]


def test_a_broker_that_cannot_be_reached_is_told_and_nothing_waits(site: Site, queue: Queue) -> None:
    tables(site, 1)
    queue.app.conf.broker_transport_options = dict.fromkeys(QUEUE_FOLDERS, "/dev/null/nowhere")
    client = site.client(VIEW, MAY_RUN)
    assert "Celery cannot reach its broker" in problem(post(client, RUN, form_of(get(client, RUN))))
    actions = site.project.sql("SELECT action FROM medusa_migrations_log ORDER BY id")
    assert actions == [("handed_over",), ("ended",)]


def test_an_engine_that_works_at_once_has_done_it_when_the_page_comes(site: Site, settings: Any) -> None:
    package = "django.tasks" if django.VERSION >= (6,) else "django_tasks"
    settings.TASKS = {"default": {"BACKEND": f"{package}.backends.immediate.ImmediateBackend", "QUEUES": []}}
    settings.MEDUSA_MIGRATIONS |= {"ADMIN_ENGINE": "tasks"}
    connections.settings["default"]["ATOMIC_REQUESTS"] = True
    tables(site, 1)
    client = site.client(VIEW, MAY_RUN)
    assert "The run is done" in text(get(client, hand_over(client)))
    assert site.project.applied() == [ONE]


def test_an_unknown_run_and_a_wrong_engine_are_told(site: Site, settings: Any) -> None:
    tables(site, 1)
    client = site.client(VIEW, MAY_RUN)
    assert "has no run" in problem(get(client, f"{LIST}runs/00000000-0000-4000-8000-000000000000/"))
    settings.MEDUSA_MIGRATIONS |= {"ADMIN_ENGINE": "procrastinate"}
    assert "which needs medusa-migrations[procrastinate]" in problem(post(client, RUN, form_of(get(client, RUN))))
    settings.MEDUSA_MIGRATIONS |= {"ADMIN_ENGINE": "celry"}
    assert "Did you mean 'celery'?" in problem(get(client, RUN))


# As in development, where a run builds first.
IN_DEVELOPMENT = {"DJANGO_SETTINGS_MODULE": "settings", "DEBUG": "1"}

WORKER = """
import json, sys
import django
django.setup()
from medusa_migrations.engines import work
print(work.do(json.loads(sys.argv[1])))
"""


def start_worker(site: Site, job: dict[str, Any]) -> Any:
    (site.project.folder / "worker.py").write_text(WORKER)
    return site.project.start(json.dumps(job), script="worker.py", env=IN_DEVELOPMENT)


def test_a_worker_that_is_killed_is_told_and_another_goes_on(site: Site, queue: Queue) -> None:
    site.project.sql("CREATE TABLE go (id int)")
    site.project.write(ONE, f"CREATE TABLE t1 (id int);\n{UNTIL_GO}")
    client = site.client(VIEW, MAY_RUN)
    address = hand_over(client)
    (job,) = queue.take()
    process = start_worker(site, job)
    site.project.wait_for(SLEEPING)
    page = text(get(client, address))
    assert "The run is under way" in page
    assert f"{ONE} is being run. By pid" in page
    assert f"{ONE} running now" in page
    assert "another worker is at work on it" in start_worker(site, job).communicate(timeout=60)[0]
    assert "are being run by pid" in problem(post(client, address, {"database": "default"}))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    site.project.wait_for(f"NOT ({SLEEPING})")
    page = text(get(client, address))
    assert "The run was cut off" in page
    assert "Give it up" in get(client, address)
    site.project.sql("INSERT INTO go VALUES (1)")
    assert "1 done" in start_worker(site, job).communicate(timeout=60)[0]
    assert "The run is done" in text(get(client, address))
    assert site.project.applied() == [ONE]


CELERY = """\
import celery
import django
django.setup()
app = celery.Celery("worker", broker="filesystem://")
app.conf.broker_transport_options = dict.fromkeys({folders}, {folder!r})
app.autodiscover_tasks(["medusa_migrations"])
app.worker_main(["worker", "-P", "solo", "-Q", "medusa_fleet", "-l", "WARNING", "--without-mingle", "--without-gossip"])
"""


def test_with_a_worker_of_celery(site: Site, queue: Queue, tmp_path: Path) -> None:
    tables(site, 1)
    client = site.client(VIEW, MAY_RUN)
    address = hand_over(client)
    (site.project.folder / "celery_worker.py").write_text(
        CELERY.format(folders=QUEUE_FOLDERS, folder=str(tmp_path / "queue"))
    )
    process = site.project.start(script="celery_worker.py", env=IN_DEVELOPMENT | {"PYTHONWARNINGS": "default"})
    try:
        site.project.wait_for("EXISTS (SELECT FROM medusa_migrations_log WHERE action = 'applied')")
        assert re.search(r"The run is (done|under way)", text(get(client, address)))
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert "The run is done" in text(get(client, address))
