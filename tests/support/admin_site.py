"""The example project's admin in this process, on a database of its own, with migrations in a folder of its own."""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import celery
import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.test import Client

from medusa_migrations.database.keys import OF_DATABASE
from medusa_migrations.database.session import Session
from tests.support.projects import Project, Server

LIST = "/admin/medusa_migrations/appliedmigration/"
RUN, REVERT = f"{LIST}run/", f"{LIST}revert/"
REPAIR = f"{LIST}repair/"
ONE, TWO, THREE = (f"blog.2024010100000{number}_t{number}" for number in (1, 2, 3))
VIEW, MAY_RUN, MAY_REVERT = "view_appliedmigration", "run_migrations", "revert_migrations"
SCRIPT = "<script>alert(1)</script>"


@contextmanager
def on_databases(server: Server, **names: str) -> Iterator[None]:
    """Meanwhile the aliases of Django are these, in every thread: the names of databases of the tests' server."""
    theirs = dict(connections.settings)
    given = server.parameters
    ours = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": given.get("host", ""),
        "PORT": str(given.get("port", "")),
        "USER": given.get("user", ""),
        "PASSWORD": given.get("password", ""),
        "OPTIONS": {},
    }
    before = connections["default"]
    connections.settings.clear()
    for alias, name in names.items():
        connections.settings[alias] = copy.deepcopy(theirs["default"]) | ours | {"NAME": name}
    connections["default"] = connections.create_connection("default")
    ContentType.objects.clear_cache()
    try:
        yield
    finally:
        for alias in names:
            forget(alias)
        connections.settings.clear()
        connections.settings.update(theirs)
        connections["default"] = before
        ContentType.objects.clear_cache()


def forget(alias: str) -> None:
    """Have Django make a new connection at the next use, with the settings of that time."""
    connections[alias].close()
    del connections[alias]


@dataclass
class Site:
    """What tests do with the admin; `project` has the files of the app `blog`, and the database."""

    project: Project

    def user(self, *permissions: str, name: str = "ada", **kind: Any) -> User:
        """Somebody of the staff with permissions of this app."""
        user = User.objects.create_user(name, password="secret", **{"is_staff": True} | kind)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        return user

    def client(self, *permissions: str, name: str = "ada", **options: Any) -> Client:
        client = Client(**options)
        client.force_login(self.user(*permissions, name=name))
        return client

    def admin(self, name: str = "root", **options: Any) -> Client:
        client = Client(**options)
        client.force_login(self.user(name=name, is_superuser=True))
        return client


QUEUE_FOLDERS = ("data_folder_in", "data_folder_out", "control_folder")


class Queue:
    """What waits for a worker of Celery, with a folder for its broker."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.app = celery.Celery("tests", broker="filesystem://")
        self.app.conf.broker_transport_options = dict.fromkeys(QUEUE_FOLDERS, str(folder))
        self.app.set_current()
        self.app.set_default()  # for other threads

    def take(self) -> list[dict[str, Any]]:
        """The jobs that wait, each as a worker gets it; they wait no more."""
        found = []
        with self.app.connection() as connection, connection.SimpleQueue("medusa_fleet") as queue:
            while queue.qsize():
                message = queue.get_nowait()
                found.append(message.payload[0][0])
                message.ack()
        return found


def get(client: Client, address: str, **query: str) -> str:
    response = client.get(address, query)
    assert response.status_code == 200, response
    return response.content.decode()


def form_of(page: str) -> dict[str, str]:
    """The hidden inputs of the form that asks for confirmation."""
    form = page.partition('id="medusa-confirm"')[2].partition("</form>")[0]
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form)
    return {name: unescape(value) for name, value in found}


def confirm(client: Client, address: str, **query: str) -> str:
    """Look at the page, then send its form."""
    return post(client, address, form_of(get(client, address, **query)))


def post(client: Client, address: str, form: dict[str, str]) -> str:
    response = client.post(address, form)
    assert response.status_code == 200, response
    return response.content.decode()


def text(page: str) -> str:
    """What of a page's content a person reads, on one line."""
    content = page.partition('id="content"')[2].partition("<footer")[0].partition(">")[2].replace("<wbr>", "")
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", content)).split())


def problem(page: str) -> str:
    """The message of an error."""
    found = re.search(r'<pre class="errornote[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert found, text(page)
    return unescape(re.sub(r"</?span[^>]*>", "", found[1])).strip("\n")


@contextmanager
def counted_queries(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The queries of Django's connection and of this app's own ones."""
    found: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        found.append(sql)
        return execute(sql, *rest)

    def watch(connection: BaseDatabaseWrapper, **_: Any) -> None:
        connection.execute_wrappers.append(note)

    def query(session: Session, sql: str, *rest: Any) -> Any:
        found.append(sql)
        return asked(session, sql, *rest)

    asked = Session.query
    forget("default")
    connection_created.connect(watch)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(Session, "query", query)
            yield found
    finally:
        connection_created.disconnect(watch)
        forget("default")


def in_threads(*work: Any) -> list[Any]:
    """The results of functions that run at the same time, each with connections of its own."""
    results: list[Any] = [None] * len(work)

    def run(index: int) -> None:
        try:
            results[index] = work[index]()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def page_of(id_: str) -> str:
    return f"{LIST}{quote(id_)}/change/"


def tables(site: Site, *numbers: int) -> None:
    for number in numbers:
        site.project.table(number)


@contextmanager
def locked(site: Site) -> Iterator[None]:
    """Somebody else holds the run lock."""
    connection = site.project.server.connect(site.project.database, application_name="the other one")
    try:
        with connection.cursor() as cursor:
            cursor.execute(OF_DATABASE.take)
        yield
    finally:
        connection.close()


def shown(page: str) -> list[int]:
    """The numbers of the tables whose migrations a list has."""
    return [int(word.rpartition("_t")[2]) for word in text(page).split() if ".20" in word and "_t" in word]
