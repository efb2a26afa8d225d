"""Real packages taken over as docs/adopting.md says, with SQL_SINCE and by a baseline, and their own tests after it.

usage: python -m benchmarks.adoption [PACKAGE ...] [--work FOLDER]

Each package is installed from PyPI into a virtual environment of its own, and its source copied into a project, as who
goes on with its tables in SQL would do. The catalogs of databases that have come the one way and the other are
compared, before a change of a model and after it, and the package's own tests are run before and after. It ends with
an error when anything differs. It takes long, so it is for the hand or the night. The server is that of the tests, in
memory where there is room.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import django
from django.conf import settings

from medusa_migrations.verify.catalog.difference import differences
from medusa_migrations.verify.catalog.snapshot import Reader, Snapshot
from tests.conftest import start_server
from tests.support.projects import ROOT, Outcome, Project, Server
from tests.support.sessions import session_on

from .packages import PACKAGES, Package
from .tools.results import table

TIMEOUT = 3600  # seconds
HISTORIES = ["public.medusa_migrations", "public.medusa_migrations_log"]

# The apps of the project's folder that have Django migrations: the last of these, and their folder.
PASTS = """\
import json, os
from importlib import import_module
from pathlib import Path
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django
django.setup()
from django.apps import apps
from django.db.migrations.loader import MigrationLoader
loader = MigrationLoader(None)
for app in apps.get_app_configs():
    last = loader.graph.leaf_nodes(app.label)
    if last and Path(app.path).is_relative_to(Path.cwd()):
        folder = Path(import_module(loader.migrations_module(app.label)[0]).__file__).parent
        print(json.dumps([app.label, last[0][1], str(folder)]))
"""

# The package's settings, with the project's own behind them.
SETTINGS = """
_OURS = ("BASE_DIR", "DATABASES", "DEBUG", "MEDUSA_MIGRATIONS")
_ours = {{name: globals()[name] for name in _OURS if name in globals()}}
{package}
globals().update(_ours)
INSTALLED_APPS = ["medusa_migrations", *INSTALLED_APPS]
"""

# What a run of unittest or pytest ends with, and the tests of it that did not pass.
TOLD = re.compile(r"Ran \d+ tests?.*|(?:ERROR|FAIL|FAILED|OK)\b.*|\d+ (?:passed|failed).*")


@dataclass(frozen=True)
class Past:
    """The Django migrations of an app."""

    app: str
    last: str
    folder: str


@dataclass
class Adoption:
    """One package on its way: `figures` is what there is to tell of it, and `faults` what is not as it should be."""

    package: Package
    server: Server
    work: Path
    figures: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    databases: set[str] = field(default_factory=set)

    @property
    def python(self) -> Path:
        return self.work / "venv/bin/python"

    def install(self) -> None:
        if not self.python.exists():
            venv.create(self.work / "venv", with_pip=True)
        wanted = [*self.package.requirements, f"Django=={django.__version__}", str(ROOT)]
        subprocess.run([self.python, "-m", "pip", "install", "-q", *wanted], check=True)

    def project(self, name: str, database: str) -> Project:
        """A new project that has the package's source in its folder."""
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (packages,) = (self.work / "venv/lib").glob("python*/site-packages")
        for one in self.package.source:
            shutil.copytree(packages / one, folder / one)
        project = Project(folder, self.server, database, apps=[], python=str(self.python))
        for path, text in {**self.package.files, "pasts.py": PASTS}.items():
            (folder / path).write_text(text)
        for script in ("manage.py", "pasts.py"):
            text = (folder / script).read_text()
            (folder / script).write_text(text.replace('"settings"', f'"{self.package.settings_module}"'))
        project.env |= {"PYTHONWARNINGS": "ignore", "DEBUG": "1"}
        project.env |= {"DJANGO_SETTINGS_MODULE": self.package.settings_module, **self.package.environment}
        if self.package.ignore:
            project.configure(IGNORE=[*self.package.ignore])
        project.add_settings(SETTINGS.format(package=self.package.settings))
        return project

    def database(self, name: str, template: str = "template0") -> str:
        """A new database, which has what `template` has."""
        database = f"adoption_{self.package.name}_{name}"
        self._drop(database)
        self.databases.add(database)
        self.server.execute(f"CREATE DATABASE {database} TEMPLATE {template}")
        return database

    def drop_databases(self) -> None:
        for database in self.databases:
            self._drop(database)

    def _drop(self, database: str) -> None:
        self.server.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def tell(self, what: str, figure: object) -> None:
        self.figures[what] = str(figure)
        print(f"{self.package.name}: {what}: {figure}", flush=True)

    def expect(self, what: str, expected: object, found: object) -> None:
        if expected != found:
            self.faults.append(f"{self.package.name}: {what}:\n  expected {expected}\n  found    {found}")
            print(self.faults[-1], flush=True)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.tell(what, f"{time.monotonic() - begun:.0f} s")


def take_over(adoption: Adoption) -> None:
    """Both ways, from one database that Django's migrations have made."""
    adoption.install()
    production = adoption.database("production")
    project = adoption.project("past", production)
    with adoption.timed("Django's migrate"):
        manage(project, "migrate")
    pasts = pasts_of(project)
    own = {past.app for past in pasts}
    adoption.tell("apps taken over", len(pasts))
    adoption.tell("their Django migrations", sum(one.split(".")[0] in own for one in project.django_history()))
    adoption.tell("tables", len(project.tables()))
    adoption.expect("makemigrations", NOTHING, manage(project, "makemigrations", "--check").stdout)
    checked = manage(project, "check")
    tested = own_tests(adoption, project, "as it is")
    for name, way in WAYS.items():
        project = way(adoption, production, pasts)
        adoption.expect(f"check, {name}", checked, manage(project, "check"))
        adoption.expect(f"own tests, {name}", tested, own_tests(adoption, project, name))


def since(adoption: Adoption, production: str, pasts: list[Past]) -> Project:
    """Nothing changes in the old database, and a new one is what the old one is, before a change and after it."""
    old, new = adoption.database("since_old", production), adoption.database("since_new")
    project = adoption.project("since", old)
    project.configure(SQL_SINCE={past.app: past.last for past in pasts})
    adoption.expect("makemigrations", NOTHING, manage(project, "makemigrations", "--check").stdout)
    adoption.expect("migrate, SQL_SINCE", 0, manage(project, "migrate").stdout.count("Applying "))
    expect_left(adoption, project, pasts, "SQL_SINCE", adoption.package.left)
    project.database = new
    with adoption.timed("SQL_SINCE: migrate, new database"):
        manage(project, "migrate")
    compare(adoption, "SQL_SINCE", old, new)
    change(adoption, project, pasts, "SQL_SINCE", old, new)
    return project


def baseline(adoption: Adoption, production: str, pasts: list[Past]) -> Project:
    """Written of one database, recorded in another, run in a new one; the Django migrations are gone."""
    old, staging = (adoption.database(f"baseline_{name}", production) for name in ("old", "staging"))
    new = adoption.database("baseline_new")
    project = adoption.project("baseline", old)
    with adoption.timed("baseline: makemigration --baseline"):
        made = manage(project, "makemigration", *(past.app for past in pasts), "--baseline")
    files = made.stdout.count("Created ")
    adoption.tell("baseline: files", files)
    for past in pasts:
        shutil.rmtree(adoption.work / "baseline" / Path(past.folder).relative_to(adoption.work / "past"))
    for path, text in adoption.package.by_hand.items():
        (project.folder / path).write_text(text)
    manage(project, "migrations_build")
    for name, project.database, told in (("old", old, 0), ("staging", staging, files), ("new", new, 0)):
        with adoption.timed(f"baseline: migrate, {name}"):
            done = manage(project, "migrate").stdout
        adoption.expect(f"baseline: recorded, {name}", told, done.count("... FAKED"))
    compare(adoption, "baseline", old, staging, new)
    expect_left(adoption, project, pasts, "baseline", adoption.package.left)
    change(adoption, project, pasts, "baseline", old, staging, new)
    return project


WAYS = {"SQL_SINCE": since, "baseline": baseline}
NOTHING = "No changes detected\n"


def manage(project: Project, *arguments: str) -> Outcome:
    return project.manage(*arguments, timeout=TIMEOUT).ok()


def pasts_of(project: Project) -> list[Past]:
    lines = project.manage(script="pasts.py", timeout=TIMEOUT).ok().stdout.splitlines()
    return [Past(*json.loads(line)) for line in lines if line.startswith("[")]


def expect_left(adoption: Adoption, project: Project, pasts: list[Past], way: str, left: tuple[str, ...]) -> None:
    """The models and the tables are alike, save for `left`, which the package's own past has left behind."""
    apps = [past.app for past in pasts]
    with adoption.timed(f"{way}: generate, all apps"):
        told = project.manage("makemigration", *apps, "--generate", "--check", timeout=TIMEOUT)
    found = tuple(line.strip() for line in told.stdout.splitlines() if line.startswith("  "))
    adoption.tell(f"{way}: left by its own past", len(found))
    adoption.expect(f"{way}: generate", (left, bool(left)), (found, bool(told.code)))
    if told.code and not found:
        adoption.expect(f"{way}: generate", "", told.stderr)


def change(adoption: Adoption, project: Project, pasts: list[Past], way: str, *databases: str) -> None:
    """A model changes; what is generated for it is applied to each of the databases, and they are alike again."""
    path, old, new = adoption.package.change
    text = (project.folder / path).read_text()
    assert old in text, (path, old)
    (project.folder / path).write_text(text.replace(old, new, 1))
    project.database = databases[0]
    manage(project, "makemigration", *(past.app for past in pasts), "change", "--generate")
    for project.database in databases:
        manage(project, "migrate")
    compare(adoption, f"{way}, changed", *databases)
    expect_left(adoption, project, pasts, f"{way}, changed", ())


def compare(adoption: Adoption, way: str, first: str, *others: str) -> None:
    """The catalogs of the databases are alike."""
    before = catalog(adoption.server, first)
    adoption.tell(f"{way}: things compared", len(before.things))
    for other in others:
        found = differences(before, catalog(adoption.server, other))
        adoption.tell(f"{way}: differences", len(found))
        adoption.expect(f"{way}: {first} and {other}", (), found)


def catalog(server: Server, database: str) -> Snapshot:
    with session_on(server, database) as session:
        return Reader(session, HISTORIES).read()


def own_tests(adoption: Adoption, project: Project, when: str) -> list[str]:
    """What the package's own tests ended with, and which of them did not pass."""
    if not adoption.package.tests:
        return []
    script, *arguments = adoption.package.tests
    project.database = adoption.database("tests")
    with adoption.timed(f"own tests, {when}, took"):
        done = project.manage(*arguments, script=script, timeout=TIMEOUT)
    (project.folder / "tests.log").write_text(done.stdout + done.stderr)
    lines = (done.stdout + done.stderr).splitlines()
    told = sorted({re.sub(r" in [\d.]+s.*| - .*", "", line) for line in lines if TOLD.fullmatch(line)})
    adoption.tell(f"own tests, {when}", ", ".join(line for line in told if re.search(r"\d", line)))
    return told


def report(adoptions: list[Adoption]) -> str:
    heads = ["", *(" ".join(one.package.requirements[:1]) for one in adoptions)]
    rows = dict.fromkeys(what for one in adoptions for what in one.figures)
    return table(heads, ([what, *(one.figures.get(what, "–") for one in adoptions)] for what in rows))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adoption", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"Default: {' '.join(PACKAGES)}")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="Keep the environments and projects there.")
    options = parser.parse_args()
    if unknown := set(options.packages) - PACKAGES.keys():
        parser.error(f"no such package: {', '.join(sorted(unknown))} (choose from {', '.join(PACKAGES)})")
    settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.postgresql"}})
    django.setup()
    server = start_server(fsync=False)
    with tempfile.TemporaryDirectory() as folder:
        work = (options.work or Path(folder)).resolve()
        adoptions = [Adoption(PACKAGES[name], server, work / name) for name in options.packages or PACKAGES]
        for adoption in adoptions:
            try:
                take_over(adoption)
            finally:
                adoption.drop_databases()
    print(report(adoptions))
    sys.exit("\n".join(fault for one in adoptions for fault in one.faults) or None)


if __name__ == "__main__":
    main()
