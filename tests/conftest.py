from __future__ import annotations

import compileall
import gc
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dj_database_url
import pytest
from hypothesis import settings

from tests.support.memory import folder_in_memory, remove_when_unused, temporary_folder
from tests.support.projects import ROOT, Project, Server
from tests.support.servers import server_in, set_sync, stop
from tests.support.shop import make_shop

if TYPE_CHECKING:
    from tests.support.admin_site import Site
    from tests.support.model_texts import Drafts


# Under nohup, and in the background of a shell, they are ignored, and every command of the tests would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# An example may take as long as it does: a busy machine's is no failure.
settings.register_profile("any time", deadline=None)
settings.load_profile("any time")


def pytest_configure(config: pytest.Config) -> None:
    """Has the server's data in memory, where nobody has named a server or a folder and there is room."""
    if hasattr(config, "workerinput") or {"DATABASE_URL", "TEST_POSTGRES"} & os.environ.keys():
        return
    folder = folder_in_memory(ROOT)
    if folder:
        os.environ["TEST_POSTGRES"] = str(folder)  # for the workers too
        config.add_cleanup(lambda: remove_when_unused(folder))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Has each worker begin with other modules, where none has rewritten their asserts: each would rewrite them all."""
    worker = getattr(session.config, "workerinput", None)
    if not worker or sys.dont_write_bytecode:
        return
    number = int(worker["workerid"].removeprefix("gw"))
    for path in sorted((ROOT / "tests").rglob("test_*.py"))[number :: worker["workercount"]]:
        if not any(path.parent.glob(f"__pycache__/{path.stem}.*-pytest-*")):
            with suppress(Exception, pytest.skip.Exception):  # what is wrong is told when it is collected
                import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Looks for no garbage in what is collected, neither meanwhile nor later: it lives as long as the process."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Two workers more than cores: tests wait, for locks, signals and the server. More would meet each other there."""
    return (yield) + 2


def pytest_report_header() -> str:
    """Says which server the tests use."""
    return f"PostgreSQL: {'that of DATABASE_URL' if os.environ.get('DATABASE_URL') else _data_folder()}"


def _data_folder() -> Path:
    return ROOT / os.environ.get("TEST_POSTGRES", ".postgres-tests")


def start_server(*, fsync: bool = True) -> Server:
    """The server of DATABASE_URL, else an embedded one with its data in TEST_POSTGRES.

    By default that is a folder in memory, and where there is none .postgres-tests.
    """
    url = os.environ.get("DATABASE_URL")
    if url:
        given = dj_database_url.parse(url)
        names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
        return Server({name: given[key] for key, name in names.items() if given.get(key)}, given["NAME"])
    server = server_in(_data_folder())
    set_sync(server, "on" if fsync else "off")
    if fsync or server.execute("SELECT current_setting('server_version_num')::int < 150000")[0][0]:
        return server
    return replace(server, strategy="STRATEGY FILE_COPY")  # cheaper where its two checkpoints wait for no disk


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    """The commands of the tests write no byte code, see `Project.environment`, and need not be slow for it."""
    compileall.compile_dir(ROOT / "medusa_migrations", quiet=2)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = start_server(fsync=False)  # what is lost with the machine was of a test
    template = f"test_template_{os.getpid()}"
    server.create_database(template)
    server.execute("SELECT", template)  # the first connection writes a cache of the catalog, which is copied too
    server.execute(f"ALTER DATABASE {template} ALLOW_CONNECTIONS false")  # one would be in the way of a copy
    yield replace(server, template=template)
    server.drop_database(template)


@pytest.fixture
def project(server: Server, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Project]:
    """An empty project with one app, `blog`, and an empty database."""
    name = f"test_{os.getpid()}_{abs(hash(request.node.nodeid)) % 10**12}"
    server.create_database(name)
    folder = tmp_path / "project"
    folder.mkdir()
    yield Project(folder, server, name)
    server.drop_database(name)


@pytest.fixture(scope="session")
def lone_data() -> Iterator[Path]:
    """The folder of a new server that is stopped, to copy: making its data takes longer than most tests."""
    with temporary_folder(ROOT) as name:
        folder = Path(name) / "pg"
        set_sync(server_in(folder), "off")
        stop(folder)
        yield folder


@pytest.fixture
def lone_folder(lone_data: Path) -> Iterator[Path]:
    """The folder of a server of its own, which nobody has started yet; it ends with the test."""
    with temporary_folder(ROOT) as name:
        folder = Path(name) / "pg"
        subprocess.run(["cp", "-a", lone_data, folder], check=True)  # keeps the owner, as whom the server runs
        yield folder
        stop(folder, signal.SIGQUIT)


@pytest.fixture
def lone_project(lone_folder: Path) -> Project:
    """A project on a server of its own, for what takes a server's life, or all of its locks."""
    folder = lone_folder.with_name("project")
    folder.mkdir()
    return Project(folder, server_in(lone_folder), "postgres")


@pytest.fixture(scope="session")
def drafts_database(server: Server) -> Iterator[str]:
    name = f"test_drafts_{os.getpid()}"
    server.create_database(name)
    yield name
    server.drop_database(name)


@pytest.fixture(scope="module")
def drafts_of_module(server: Server, drafts_database: str, django_db_blocker: Any) -> Iterator[Drafts]:
    from tests.support.model_texts import Drafts
    from tests.support.sessions import session_on

    with django_db_blocker.unblock(), session_on(server, drafts_database) as session:
        yield Drafts(session)


@pytest.fixture
def drafts(drafts_of_module: Drafts) -> Drafts:
    """The generator in this process, on an empty database; its session is that of other tests too."""
    session = drafts_of_module.session
    session.rollback()
    session.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; RESET ALL")
    session.connection.ensure_timezone()
    return drafts_of_module


@pytest.fixture(scope="session")
def shop_build(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build of the shop makes, which is the same in every folder."""
    project = make_shop(Project(tmp_path_factory.mktemp("shop"), server, server.maintenance))
    project.manage("migrations_build").ok()
    return project.folder / "dist"


@pytest.fixture
def shop(project: Project, shop_build: Path) -> Project:
    """A project of both kinds; nothing of it is applied, the SQL migration is built."""
    shutil.copytree(shop_build, project.folder / "dist")
    return make_shop(project)


@pytest.fixture(scope="session")
def admin_template(server: Server, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database that has what Django's own apps need, to copy."""
    from django.apps import apps
    from django.core.management import call_command

    from tests.support.admin_site import on_databases

    name = f"test_admin_{os.getpid()}"
    server.create_database(name)
    blog = apps.get_app_config("blog")
    path, blog.path = blog.path, str(tmp_path_factory.mktemp("no-migrations"))
    with django_db_blocker.unblock(), on_databases(server, default=name):
        call_command("migrate", verbosity=0)
    blog.path = path
    yield name
    server.drop_database(name)


@pytest.fixture
def site(
    server: Server,
    admin_template: str,
    tmp_path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    django_db_blocker: Any,
    request: pytest.FixtureRequest,
) -> Iterator[Site]:
    """The example project's admin, on an empty database and with no migrations; a run builds first."""
    from django.apps import apps

    from tests.support.admin_site import Site, on_databases

    name = f"{admin_template}_{abs(hash(request.node.nodeid)) % 10**12}"
    server.create_database(name, admin_template)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.setattr(apps.get_app_config("blog"), "path", str(folder / "blog"))
    settings.MEDUSA_MIGRATIONS = {"DIST_DIR": str(tmp_path / "dist"), "AUTO_BUILD": True}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with django_db_blocker.unblock(), on_databases(server, default=name):
        yield Site(Project(folder, server, name))
    server.drop_database(name)
