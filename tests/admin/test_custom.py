"""Projects with other settings, actions of their own and an admin of their own."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib import admin
from django.db import connections, transaction
from django.http import HttpRequest
from django.test import Client
from django.urls import path
from django.utils.decorators import method_decorator

from medusa_migrations import api
from medusa_migrations.admin import AppliedMigrationAdmin
from medusa_migrations.models import AppliedMigration
from project.blog.admin import PostAdmin
from project.blog.models import Post
from tests.support.admin_site import LIST, MAY_RUN, ONE, RUN, SCRIPT, Site, get, locked, tables
from tests.support.projects import ROOT, Project

SITE = """
ROOT_URLCONF = "urls"
ALLOWED_HOSTS = ["testserver"]
STATIC_URL = "static/"
"""
LOOK = """
import sys
from django.contrib.auth.models import User
from django.contrib import admin
from django.test import Client
assert "medusa_migrations.api" not in sys.modules, "imported at the start"
client = Client()
client.force_login(User.objects.create_superuser("root"))
for address in ("", "run/", "revert/"):
    response = client.get("/admin/medusa_migrations/appliedmigration/" + address)
    print(response.status_code, "Traceback" in response.content.decode(), "t1" in response.content.decode())
"""


def look_at(project: Project, settings: str) -> list[str]:
    """The status of the list, of the page of a run and of a revert; whether it is a traceback; whether it has t1."""
    project.add_contrib("admin", "auth", "contenttypes", "sessions", "messages")
    project.add_settings(SITE + settings)
    (project.folder / "urls.py").write_text(
        "from django.contrib import admin\nfrom django.urls import path\n"
        "urlpatterns = [path('admin/', admin.site.urls)]\n"
    )
    project.table(1)
    project.manage_several(*(("migrate", app) for app in ("auth", "admin", "sessions")), env={"DEBUG": "1"}).ok()
    (project.folder / "look.py").write_text(LOOK)
    looked = project.manage("shell", "-v", "0", "-c", "import look", env={"DEBUG": "1"}, real=True)
    return looked.ok().stdout.splitlines()


def test_without_translations_static_files_and_time_zones(project: Project) -> None:
    found = look_at(project, "USE_I18N = False\nUSE_TZ = False\n")
    assert found == ["200 False True", "200 False True", "200 False False"]


def test_the_setting_admin_leaves_all_out(project: Project) -> None:
    found = look_at(project, "MEDUSA_MIGRATIONS = {'ADMIN': False}\n")
    assert found == ["404 False False"] * 3


@pytest.fixture
def blog(site: Site) -> Site:
    """The example's app with its tables and a post."""
    name = "20230801075818_add_authors_and_posts"
    source = ROOT / f"project/blog/sql_migrations/{name}.sql"
    (site.project.add_app("blog") / source.name).write_text(source.read_text())
    api.run()
    site.project.sql(
        "WITH a AS (INSERT INTO blog_author (name) VALUES ('Ada') RETURNING id)"
        " INSERT INTO blog_post (title, body, author_id) SELECT 'First', '', id FROM a"
    )
    return site


def act(client: Client) -> str:
    """Choose the example's action for the one post, and go where that leads."""
    form = {"action": "run_migrations", "_selected_action": "1"}
    return client.post("/admin/blog/post/", form, follow=True).content.decode()


@pytest.mark.smoke
def test_an_action_of_ones_own_runs_what_is_pending(blog: Site) -> None:
    tables(blog, 1)
    client = blog.client("view_post", MAY_RUN)
    assert "1 applied." in act(client)
    assert blog.project.applied()[1:] == [ONE]
    assert blog.project.sql("SELECT applied_by FROM medusa_migrations ORDER BY id DESC LIMIT 1") == [("ada",)]
    assert "0 applied." in act(client)


def test_an_action_of_ones_own_tells_errors_and_never_waits(blog: Site) -> None:
    blog.project.write(ONE, f"SELECT '{SCRIPT}' / 1;")
    client = blog.client("view_post", MAY_RUN)
    page = act(client)
    assert "20240101000001_t1 failed (up)" in page
    assert SCRIPT not in page
    begun = time.monotonic()
    with locked(blog):
        assert "are being run by pid" in act(client)
    assert time.monotonic() - begun < 5


def test_an_action_of_ones_own_needs_its_permission(blog: Site) -> None:
    tables(blog, 1)
    client = blog.client("view_post")
    assert "Run pending SQL migrations" not in get(client, "/admin/blog/post/")
    act(client)
    assert ONE not in blog.project.applied()


class Apart(PostAdmin):
    changelist_view = method_decorator(transaction.non_atomic_requests)(PostAdmin.changelist_view)


@pytest.mark.parametrize(("model_admin", "outcome"), [(PostAdmin, "lock timeout"), (Apart, "1 applied.")])
def test_an_action_of_ones_own_with_atomic_requests(
    blog: Site, settings: Any, model_admin: type[PostAdmin], outcome: str
) -> None:
    connections.settings["default"]["ATOMIC_REQUESTS"] = True
    settings.MEDUSA_MIGRATIONS |= {"LOCK_TIMEOUT": "200ms", "RETRIES": 0}
    site = admin.AdminSite()
    site.register(Post, model_admin)
    settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": [path("admin/", site.urls)]})
    blog.project.write(ONE, "ALTER TABLE auth_user ADD more int;")
    assert outcome in act(blog.client("view_post", MAY_RUN))


class Strict(AppliedMigrationAdmin):
    def has_run_permission(self, request: HttpRequest) -> bool:
        return False


@pytest.mark.smoke
def test_the_admin_can_be_replaced_and_is_at_home_in_other_sites(site: Site, settings: Any) -> None:
    backstage = admin.AdminSite(name="backstage")
    backstage.register(AppliedMigration, Strict)
    urls = type("Urls", (), {"urlpatterns": [path("admin/", admin.site.urls), path("backstage/", backstage.urls)]})
    settings.ROOT_URLCONF = urls
    tables(site, 1)
    client = site.admin()
    page = get(client, LIST.replace("admin", "backstage", 1))
    assert "/backstage/medusa_migrations/appliedmigration/revert/" in page
    assert 'href="/admin/' not in page
    assert "Run pending" not in page
    assert client.get(RUN.replace("admin", "backstage", 1)).status_code == 403
    assert client.get(RUN).status_code == 200
