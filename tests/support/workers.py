"""Projects whose fleets are run by workers: Celery, Procrastinate, and the database backend of Django's tasks."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.copies import begin_with
from tests.support.forked import WARNS
from tests.support.projects import ROOT, Project

# An environment beside that of the tests: where psycopg 3 is there, Django takes no psycopg2 any more.
WITH_PROCRASTINATE = ROOT / ".procrastinate-tests"

# What workers and who sends to them import, and needs no settings.
PACKAGES = (
    "celery.app.control",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.fixups.django",
    "celery.worker.components",
    "celery.worker.consumer",
    "kombu.transport.filesystem",
    "kombu.transport.redis",
    "django_tasks_db.backend",
)
OF_PROCRASTINATE = ("procrastinate.contrib.django", "procrastinate.worker")

CELERY = """\
from celery import Celery
app = Celery("tests", broker={broker!r})
app.conf.update(broker_transport_options={options!r}, worker_prefetch_multiplier=1, broker_connection_max_retries=0,
    broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)
app.autodiscover_tasks()
"""


class Workers(NamedTuple):
    """An engine that a project is set up for: its name, and a worker's script with so many processes."""

    name: str
    project: Project
    command: Callable[[int], list[str]]

    @contextlib.contextmanager
    def at_work(self, jobs: int = 4, **env: str) -> Iterator[subprocess.Popen[str]]:
        """A worker with processes of its own, all of which end with it."""
        script, *arguments = self.command(jobs)
        env |= {"DJANGO_SETTINGS_MODULE": "settings", **WARNS}  # of the packages that a worker imports, some warn
        with (self.project.folder / "worker.log").open("a") as log:
            worker = self.project.start(*arguments, script=script, env=env, stdout=log, stderr=log, process_group=0)
        try:
            yield worker
        finally:
            kill(worker)


def kill(worker: subprocess.Popen[str]) -> None:
    """End all of its processes at once, as the loss of its machine does."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


@contextlib.contextmanager
def set_up(name: str, project: Project, made: dict[str, str]) -> Iterator[Workers]:
    """The project, whose database is empty, with that engine.

    `made` has databases with the tables of engines, by the apps that these belong to: what is not there is added.
    """
    with {"celery": _celery, "procrastinate": _procrastinate, "tasks": _tasks}[name](project, made) as command:
        yield Workers(name, project, command)


def _migrate(project: Project, app: str, made: dict[str, str]) -> None:
    """The command takes ten times as long as a copy of what it makes."""
    if app in made:
        begin_with(project, made[app])
    else:
        project.manage("migrate", app).ok()
        name = f"test_{app}_{os.getpid()}"
        project.server.create_database(name, project.database)
        made[app] = name


@contextlib.contextmanager
def _celery(project: Project, made: dict[str, str]) -> Iterator[Callable[[int], list[str]]]:
    with _broker(project.folder) as (broker, options):
        project.packages = PACKAGES
        (project.folder / "worker.py").write_text("from celery.__main__ import main\nmain()\n")
        (project.folder / "celeryapp.py").write_text(CELERY.format(broker=broker, options=options))
        project.add_settings("from celeryapp import app as celery_app")
        flags = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "INFO", "-Q", "medusa_fleet"]
        yield lambda jobs: ["worker.py", "-q", "-A", "celeryapp", "worker", *flags, "-c", str(jobs)]


@contextlib.contextmanager
def _broker(folder: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Redis where it is installed, else files."""
    redis = shutil.which("redis-server")
    if redis is None:
        (folder / "broker").mkdir()
        places = {name: str(folder / "broker") for name in ("data_folder_in", "data_folder_out", "control_folder")}
        yield "filesystem://", places
        return
    socket = folder / "redis.sock"
    flags = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)]
    server = subprocess.Popen([redis, *flags], stdout=subprocess.DEVNULL)
    try:
        yield f"redis+socket://{socket}", {"visibility_timeout": 5}
    finally:
        server.kill()
        server.wait()


@contextlib.contextmanager
def _procrastinate(project: Project, made: dict[str, str]) -> Iterator[Callable[[int], list[str]]]:
    project.python = str(_environment() / "bin/python")
    project.packages = OF_PROCRASTINATE
    project.add_app_of_others("procrastinate.contrib.django")
    _migrate(project, "procrastinate", made)
    flags = ["--queues", "medusa_fleet", "--delete-jobs", "successful"]
    yield lambda jobs: ["manage.py", "procrastinate", "worker", *flags, "--concurrency", str(jobs)]


def _environment() -> Path:
    """One with Procrastinate, that has besides all that the tests' own has; made where it is not there."""
    venv = WITH_PROCRASTINATE / "venv"
    WITH_PROCRASTINATE.mkdir(exist_ok=True)
    with (WITH_PROCRASTINATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (venv / "made").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", venv], check=True)
            (site,) = venv.glob("lib/python*/site-packages")
            own = sysconfig.get_path("purelib")
            (site / "tests.pth").write_text(f"import site; site.addsitedir({own!r})\n")
            # Its own pip would take as long to install as what that is for.
            pip = [sys.executable, "-m", "pip", "--python", venv / "bin/python"]
            install = ["install", "-q", "procrastinate[django]>=3", "psycopg[binary]>=3.2"]
            if subprocess.run([*pip, *install], check=False).returncode:
                pytest.skip("Procrastinate cannot be installed here")
            (venv / "made").touch()
    return venv


@contextlib.contextmanager
def _tasks(project: Project, made: dict[str, str]) -> Iterator[Callable[[int], list[str]]]:
    project.packages = PACKAGES
    project.add_app_of_others("django_tasks")
    project.add_app_of_others("django_tasks_db")
    project.add_settings('TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": []}}')
    _migrate(project, "django_tasks_database", made)
    yield lambda jobs: ["manage.py", "db_worker", "--queue-name", "medusa_fleet", "--interval", "0.25"]
