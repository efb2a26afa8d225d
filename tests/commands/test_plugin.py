"""A third-party app: built as a wheel, installed into a folder of its own, used by a project."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from medusa_migrations.files import dist
from tests.support.builders import files_below
from tests.support.projects import Outcome, Project, Server

PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"
[project]
name = "acme-shop"
version = "1.0"
[tool.setuptools]
packages = ["acme", "acme.shop"]
[tool.setuptools.package-data]
"acme.shop" = ["sql_migrations/*.sql"]
"""
PLUGIN = {
    "acme/__init__.py": "",
    "acme/shop/__init__.py": "",
    "acme/shop/apps.py": (
        "from django.apps import AppConfig\n\n"
        "class ShopConfig(AppConfig):\n    name = 'acme.shop'\n    label = 'acme_shop'\n"
    ),
    "acme/shop/sql_migrations/20240101000001_orders.sql": (
        "-- migrate:up\nCREATE TABLE acme_order (id int);\n-- migrate:down\nDROP TABLE acme_order;\n"
    ),
}


def write_wheel(folder: Path) -> Path:
    """The wheel that setuptools would make, for where there is none that can (before 70.1)."""
    wheel = folder / "acme_shop-1.0-py3-none-any.whl"
    info = "acme_shop-1.0.dist-info"
    files = PLUGIN | {
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: acme-shop\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        record = ""
        for name, text in files.items():
            archive.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{name},sha256={digest},{len(text)}\n"
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return wheel


def pip(*arguments: str | Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", *map(str, arguments), "--quiet", "--no-deps", "--no-index"],
        check=True,
        env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"},
    )


def can_build() -> bool:
    try:
        version = importlib.metadata.version("setuptools")
    except importlib.metadata.PackageNotFoundError:
        return False
    return tuple(map(int, version.split(".")[:2])) >= (70, 1)


def build_wheel(folder: Path) -> Path:
    if not can_build():
        return write_wheel(folder)
    for name, text in (PLUGIN | {"pyproject.toml": PYPROJECT}).items():
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "source" / name).write_text(text)
    pip("wheel", folder / "source", "--no-build-isolation", "--wheel-dir", folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the plugin is installed."""
    pytest.importorskip("pip", reason="this environment has no pip to install the plugin with")
    folder = tmp_path_factory.mktemp("plugin")
    pip("install", build_wheel(folder), "--target", folder / "plugins")
    return folder / "plugins"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with an app of its own, `blog`, whose migration depends on the plugin's; no database is asked."""
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project", Server({}, ""), "there_is_none")
    project.write(
        "blog.20230101000001_posts", "SELECT 1;", None, header="-- migrate:depends acme_shop.20240101000001_orders\n"
    )
    project.add_settings("import sys\nsys.path.insert(1, os.environ['TEST_PLUGINS'])")
    return project


def manage(project: Project, plugins: Path, *arguments: str, apps: tuple[str, ...] = ("blog", "acme.shop")) -> Outcome:
    return project.manage(*arguments, env={"TEST_PLUGINS": str(plugins), "TEST_APPS": json.dumps(apps)})


def test_its_migrations_are_collected_and_cited_without_the_place_they_are_in(project: Project, plugins: Path) -> None:
    assert "Built 2 migrations (2 new)" in manage(project, plugins, "migrations_build").ok().stdout
    built = dist.load(project.folder / "dist/migrations") or ()
    assert [(str(one.id), one.source) for one in built] == [
        ("acme_shop.20240101000001_orders", "acme/shop/sql_migrations/20240101000001_orders.sql"),
        ("blog.20230101000001_posts", "blog/sql_migrations/20230101000001_posts.sql"),
    ]
    for place in (project.folder.parent, plugins):
        assert str(place) not in (project.folder / "dist/migrations/manifest.json").read_text()
    manage(project, plugins, "migrations_build", "--check").ok()


def test_a_mistake_in_it_is_cited_by_its_dotted_name(project: Project, plugins: Path, tmp_path: Path) -> None:
    broken = tmp_path / "plugins"
    for name, text in PLUGIN.items():
        (broken / name).parent.mkdir(parents=True, exist_ok=True)
        (broken / name).write_text(text.replace("migrate:up", "migrate:upp"))
    message = manage(project, broken, "migrations_build").error()
    assert "CommandError: acme/shop/sql_migrations/20240101000001_orders.sql:1:1: unknown directive" in message
    assert not (project.folder / "dist").exists()


def test_it_is_not_written_to(project: Project, plugins: Path) -> None:
    before = files_below(plugins)
    message = manage(project, plugins, "makemigration", "acme_shop", "more").error()
    assert "'acme_shop' is installed from a package" in message
    assert "Did you mean 'acme_shop'?" in manage(project, plugins, "makemigration", "acme.shop", "more").error()
    assert {name for name in files_below(plugins) if not name.endswith(".pyc")} == {
        name for name in before if not name.endswith(".pyc")
    }


def test_left_out_of_installed_apps_it_is_asked_for(project: Project, plugins: Path) -> None:
    message = manage(project, plugins, "migrations_build", apps=("blog",)).error()
    assert "acme_shop.20240101000001_orders" in message
    assert "INSTALLED_APPS" in message


def test_taken_out_again_its_build_goes(project: Project, plugins: Path) -> None:
    manage(project, plugins, "migrations_build").ok()
    (project.folder / "blog/sql_migrations/20230101000001_posts.sql").unlink()
    manage(project, plugins, "migrations_build", apps=("blog",)).ok()
    assert sorted(files_below(project.folder / "dist/migrations")) == ["manifest.json"]
