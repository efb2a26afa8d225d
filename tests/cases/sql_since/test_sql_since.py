"""A project with production databases and years of Django migrations had no way to go on in SQL but a baseline whose
names differ, faked everywhere. Found on real projects."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from medusa_migrations.verify.catalog.snapshot import Reader
from tests.support.copies import copied, original
from tests.support.past import BLOG, LAST, LINK, NOTE, SHOP, TODAY, go_on, make_past, take_over
from tests.support.projects import Project, Server
from tests.support.sessions import session_on

pytestmark = pytest.mark.xdist_group("past")

FIRST = "20260101000000"
COMMENTS = f"blog.{FIRST}_comments"
ITS_OWN = ["public.medusa_migrations", "public.medusa_migrations_log"]


@pytest.fixture(scope="module")
def first_past(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with original(server, tmp_path_factory.mktemp("past"), "past") as project:
        make_past(project)
        project.env["DEBUG"] = "1"
        project.manage("migrate").ok()
        yield project


@pytest.fixture(scope="module")
def first_taken(first_past: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with original(first_past.server, tmp_path_factory.mktemp("taken"), "taken") as project:
        copied(first_past, project)
        take_over(project)
        go_on(project)
        project.manage("makemigration", "blog", "comments", "--generate", "--timestamp", FIRST).ok()
        project.manage("migrate").ok()
        yield project


@pytest.fixture
def past(first_past: Project, project: Project) -> Project:
    """The app's Django migrations are applied; nothing is SQL's yet."""
    return copied(first_past, project)


@pytest.fixture
def taken(first_taken: Project, project: Project) -> Project:
    """Taken over, with a first SQL migration, generated, applied."""
    return copied(first_taken, project)


@contextmanager
def new_database(project: Project) -> Iterator[str]:
    """An empty database in place of the project's."""
    old, name = project.database, f"test_new_{os.getpid()}"
    project.server.create_database(name)
    try:
        project.database = name
        yield old
    finally:
        project.database = old
        project.server.drop_database(name)


def things(project: Project, *databases: str) -> list[Any]:
    with ExitStack() as stack:
        sessions = [stack.enter_context(session_on(project.server, one)) for one in databases]
        return [Reader(session, ITS_OWN).read().things for session in sessions]


@pytest.mark.smoke
def test_taken_over_nothing_has_changed(past: Project) -> None:
    take_over(past)
    assert past.manage("check").ok().stderr == ""
    assert past.manage("makemigrations", "--check").ok().stdout == "No changes detected\n"
    assert "No changes detected" in past.manage("makemigration", "blog", "--generate", "--check").ok().stdout
    assert "No migrations to apply." in past.manage("migrate").ok().stdout


@pytest.mark.smoke
def test_a_new_database_has_the_catalog_of_the_one_that_was_taken_over(taken: Project, django_db_blocker: Any) -> None:
    assert taken.applied() == [COMMENTS]
    taken.manage("makemigrations", "--check").ok()
    with new_database(taken) as old, django_db_blocker.unblock():
        out = taken.manage("migrate").ok().stdout
        order = [line.split()[1].rstrip(".") for line in out.splitlines() if " Applying " in line]
        assert order.index("shop.0004_rows") + 1 == order.index(COMMENTS), order
        before, after = things(taken, old, taken.database)
        assert before == after
        assert taken.sql("SELECT count(*) FROM shop_review") == [(1,)]
        assert "No changes detected" in taken.manage("makemigration", "blog", "--generate", "--check").ok().stdout


@pytest.mark.smoke
def test_another_app_refers_to_what_only_sql_has_made(taken: Project, django_db_blocker: Any) -> None:
    taken.add_models("shop", SHOP + NOTE)
    taken.manage("makemigrations", "-n", "note").ok()
    text = (taken.folder / "shop/migrations/0005_note.py").read_text()
    assert "('blog', '__latest__')" in text
    assert taken.manage("migrate").ok().stdout.count("Applying ") == 1
    assert taken.manage("makemigrations", "--check").ok().stdout == "No changes detected\n"
    assert "No migrations to apply." in taken.manage("migrate").ok().stdout
    taken.manage("showmigrations", "--plan").ok()
    assert 'REFERENCES "blog_comment"' in taken.manage("sqlmigrate", "shop", "0005").ok().stdout
    with new_database(taken) as old, django_db_blocker.unblock():
        taken.manage("migrate").ok()
        before, after = things(taken, old, taken.database)
        assert before == after
    # A file that names the last Django migration says the same, as the past has no such model.
    (taken.folder / "shop/migrations/0005_note.py").write_text(text.replace("__latest__", LAST))
    with new_database(taken):
        taken.manage("migrate").ok()
    assert "Models: no difference. 0 faults" in taken.manage("migrations_verify", "--live").ok().stdout
    message = taken.manage("migrations_revert").error()
    assert f"shop.0005_note needs {COMMENTS}" in message
    assert "Unapply them first: `migrate shop 0004_rows`." in message
    # Back again: the state then has the model that the table goes to.
    assert "Unapplying shop.0005_note... OK" in taken.manage("migrate", "shop", "0004").ok().stdout
    taken.manage("migrations_revert").ok()


@pytest.mark.slow
def test_a_data_migration_sees_todays_models_after_the_latest(taken: Project) -> None:
    rows = """migrations.RunPython(lambda apps, editor: [
        apps.get_model("blog", "Comment").objects.create(text=post.subtitle)
        for post in apps.get_model("blog", "Post").objects.filter(subtitle="")])"""
    taken.manage("migrate").ok()
    taken.sql("ALTER TABLE blog_comment ALTER post_id DROP NOT NULL")
    taken.add_django_migration("shop", "0005_comments", rows, ("blog", "__latest__"))
    taken.manage("migrate").ok()
    assert taken.sql("SELECT count(*) FROM blog_comment") == [(1,)]


def test_a_release_without_migrate_has_the_models_too(taken: Project) -> None:
    taken.configure(RUN_ON_MIGRATE=False)
    taken.add_models("shop", SHOP + NOTE)
    taken.manage("makemigrations").ok()
    assert taken.manage("migrate").ok().stdout.count("Applying ") == 1


REFUSED = "SQL migrations that are applied need what is to be unapplied; nothing was done:"


@pytest.mark.smoke
def test_what_sql_stands_on_is_not_unapplied(taken: Project) -> None:
    for target in ("0006", "zero"):
        message = taken.manage("migrate", "blog", target).error()
        assert REFUSED in message
        assert f"{COMMENTS} needs blog.{LAST}" in message
    taken.manage("migrations_revert", "blog").ok()
    assert "Unapplying blog.0007_item... OK" in taken.manage("migrate", "blog", "0006").ok().stdout


@pytest.mark.smoke
def test_what_is_half_way_goes_on(past: Project) -> None:
    past.manage("migrate", "blog", "0006").ok()
    take_over(past)
    go_on(past)
    message = past.manage("makemigration", "blog", "--generate").error()
    assert f"blog.{LAST}, the last of the app's Django migrations, is not applied" in message
    assert f"Run `migrate blog {LAST}` first." in message
    past.write(COMMENTS, "CREATE TABLE blog_comment (id int);", "DROP TABLE blog_comment;")
    for options, cure in (([], "Run `migrate`: it applies"), (["--fake"], f"Run `migrate blog {LAST}` first.")):
        message = past.manage("migrations_run", *options).error()
        assert f"{COMMENTS} depends on blog.{LAST}" in message
        assert cure in message
    assert f"{COMMENTS} depends on blog.{LAST}" in past.manage("migrations_sql", "--with-history").error()
    plan = past.manage("migrate", "--plan").ok().stdout
    assert plan.index(LAST) < plan.index(FIRST)
    assert past.manage("migrate", "--check").code == 1
    assert past.manage("migrate", "blog", LAST).ok().stdout.count("Applying ") == 1
    assert past.applied() == []
    # What other apps have built on the past comes before what changes it.
    assert f"Applying shop.0004_rows... OK\n  Applying {COMMENTS}... OK" in past.manage("migrate", "blog").ok().stdout
    assert past.manage("migrate", "--check").code == 0
    past.manage("migrations_wait", "--timeout", "1").ok()


RATING = 'migrations.AddField("Post", "rating", models.IntegerField(default=0))'
RATED = """migrations.RunPython(lambda apps, editor: apps.get_model("blog", "Post").objects.update(rating=1))"""


@pytest.mark.slow
def test_a_branch_has_brought_more_of_the_past(taken: Project) -> None:
    """As the hint of E014 says to go on where databases have it already, which others have not."""
    taken.add_django_migration("blog", "0008_rating", RATING)
    taken.add_django_migration("blog", "0009_rated", RATED)
    assert "set SQL_SINCE to '0009_rated'" in taken.manage("check").stderr
    taken.add_models("blog", TODAY.replace("    subtitle", "    rating = models.IntegerField(default=0)\n    subtitle"))
    taken.configure(SQL_SINCE={"blog": "0009_rated"})
    assert taken.manage("migrate").ok().stdout.count("Applying ") == 2
    assert taken.sql("SELECT DISTINCT rating FROM blog_post") == [(1,)]
    assert "No changes detected" in taken.manage("makemigration", "blog", "--generate", "--check").ok().stdout
    with new_database(taken):
        taken.manage("migrate").ok()


@pytest.mark.slow
def test_an_empty_database_up_to_the_last_of_django(taken: Project) -> None:
    with new_database(taken):
        out = taken.manage("migrate", "blog", LAST).ok().stdout
        assert f"blog.{LAST}... OK" in out
        assert COMMENTS not in out
        assert "makemigrations" not in out
    with new_database(taken):
        assert f"{COMMENTS}... OK" in taken.manage("migrate", "blog").ok().stdout
    with new_database(taken):
        taken.manage("migrate", "--run-syncdb").ok()
        assert "No migrations to apply." in taken.manage("migrate", "--run-syncdb").ok().stdout
        lines = taken.manage("showmigrations", "blog").ok().stdout.splitlines()
        assert lines[-1] == f" [X] {FIRST}_comments"


def test_makemigrations_names_the_other_command(past: Project) -> None:
    past.folder.joinpath("blog/sql_migrations").rmdir()
    take_over(past)
    for options in ([], ["--empty"], ["--merge"], ["--check"]):
        message = past.manage("makemigrations", "blog", *options).error()
        assert (
            "The tables of 'blog' are made by SQL migrations. Write one: manage.py makemigration blog NAME" in message
        )
    assert "Created blog/sql_migrations/" in past.manage("makemigration", "blog", "view").ok().stdout
    assert past.manage("check").ok().stderr == ""


def test_the_way_back(past: Project) -> None:
    before = past.manage("makemigrations", "--check", "--dry-run", "-v3").ok().stdout
    take_over(past)
    go_on(past)
    past.manage("makemigrations", "--check").ok()
    past.settings.clear()
    past.configure()
    outcome = past.manage("makemigrations", "--check", "-v3")
    assert outcome.code == 1
    assert "+ Create model Comment" in outcome.stdout
    assert "+ Add field subtitle to post" in outcome.stdout
    assert before == "No changes detected\n"


VIEW = "blog.20200103000000_view"
EARLY = "blog.20200102000000_early"


@pytest.mark.slow
def test_sql_that_was_there_before_keeps_its_place(past: Project, django_db_blocker: Any) -> None:
    early = "-- migrate:depends blog.0004_tags\n-- migrate:depends shop.0001_item\n"
    past.write(EARLY, "CREATE VIEW tags AS SELECT word FROM blog_tag;", "DROP VIEW tags;", header=early)
    past.write(VIEW, "CREATE VIEW items AS SELECT item_id FROM blog_post;", "DROP VIEW items;")
    past.manage("migrate").ok()
    take_over(past)
    assert past.manage("check").ok().stderr == ""  # W007 is not for an app that was taken over
    past.write(COMMENTS, "DROP VIEW items; DROP VIEW tags; ALTER TABLE blog_tag DROP word;", None)
    past.write("blog.20260102000000_more", "ALTER TABLE blog_tag ADD word text NOT NULL DEFAULT '';", None)
    past.manage("migrate").ok()
    with new_database(past) as old, django_db_blocker.unblock():
        past.manage("migrate").ok()
        before, after = things(past, old, past.database)
        assert before == after
    with new_database(past):
        order = [line.split()[-1] for line in past.manage("showmigrations", "--plan").ok().stdout.splitlines()]
    wanted = ["blog.0004_tags", EARLY, f"blog.{LAST}", VIEW, COMMENTS]
    assert sorted(wanted, key=order.index) == wanted


RENAME = """
ALTER TABLE blog_post RENAME TO blog_article;
ALTER TABLE blog_post_tags RENAME TO blog_article_tags;
ALTER TABLE blog_article_tags RENAME post_id TO article_id;
"""
RENAME_BACK = """
ALTER TABLE blog_article_tags RENAME article_id TO post_id;
ALTER TABLE blog_article_tags RENAME TO blog_post_tags;
ALTER TABLE blog_article RENAME TO blog_post;
"""


@pytest.mark.slow
def test_a_model_that_sql_has_renamed(past: Project, django_db_blocker: Any) -> None:
    take_over(past)
    past.add_models("blog", BLOG.replace("class Post", "class Article"))
    past.add_models("shop", SHOP.replace("blog.Post", "blog.Article"))
    past.write(COMMENTS, RENAME, RENAME_BACK)
    past.manage("migrate").ok()
    past.manage("makemigrations", "-n", "article").ok()
    get = 'lambda apps, _: apps.get_model("blog", "Article").objects.get(title="A")'
    rows = f"migrations.RunPython({get}, {get})"
    past.manage("migrate").ok()
    past.add_django_migration("shop", "0006_rows", rows, ("blog", "__latest__"))
    past.manage("migrate").ok()
    past.manage("makemigrations", "--check").ok()
    assert past.sql("SELECT count(*) FROM django_content_type WHERE model = 'post'") == [(1,)]
    with new_database(past) as old, django_db_blocker.unblock():
        past.manage("migrate").ok()
        before, after = things(past, old, past.database)
        assert before == after
        assert past.sql("SELECT model FROM django_content_type WHERE app_label = 'blog' ORDER BY 1") == [
            ("article",),
            ("author",),
            ("tag",),
        ]
        past.manage("migrate", "shop", "0005").ok()
    past.manage("migrations_verify").ok()


TESTS = """
from django.db import connection
from django.test import TestCase, TransactionTestCase
from blog.models import Author, Comment, Post
from shop.models import Review

class Here(TestCase):
    def test_rows(self):
        self.assertEqual(Review.objects.get().author.full_name, "Ann")
        Comment.objects.create(post=Post.objects.get(), text="x")

class Emptied(TransactionTestCase):
    serialized_rollback = True
    def test_rows(self):
        self.assertEqual(Post.objects.get().title, "A")
        self.assertEqual(Author.objects.count(), 1)
    test_again = test_rows
"""


@pytest.mark.smoke
def test_test_databases(taken: Project) -> None:
    (taken.folder / "shop/tests.py").write_text(TESTS)
    outcome = taken.manage("test", "--parallel", "1", timeout=120).ok()
    assert "Ran 3 tests" in outcome.stderr
    taken.add_settings(
        "MIGRATION_MODULES = dict.fromkeys(['medusa_migrations', 'blog', 'shop', 'auth', 'contenttypes'])"
    )
    (taken.folder / "shop/tests.py").write_text(
        "from django.test import TestCase\nfrom blog.models import Comment\n"
        "class T(TestCase):\n    def test(self):\n        self.assertEqual(Comment.objects.count(), 0)\n"
    )
    assert "Ran 1 test" in taken.manage("test", timeout=120).ok().stderr


@pytest.mark.parametrize(
    ("since", "message", "hint"),
    [
        ({"blogs": LAST}, "names 'blogs', which is the label of no installed app.", "Did you mean 'blog'?"),
        ({"blog": "0007_itme"}, "says '0007_itme' of 'blog', which has no such Django migration.", "'0007_item'"),
        ({"bare": "0001_initial"}, "names 'bare', which has no Django migrations.", "Take it out"),
        ({"blog": "0006_big"}, "blog.0007_item is a Django migration behind 0006_big", "makemigration blog NAME"),
        ({"blog": 7}, "It must be a dictionary of app labels and Django migrations", ""),
    ],
)
def test_a_setting_that_is_wrong(past: Project, since: Any, message: str, hint: str) -> None:
    past.add_app("bare")
    past.table(1)
    past.configure(SQL_SINCE=since)
    outcome = past.manage("check")
    assert outcome.code == 1
    assert message in outcome.stderr
    assert hint in outcome.stderr
    for command in (["migrations_run"], ["migrate", "--skip-checks"]):
        assert message in past.manage(*command).error()


LOUD = """
from blog.models import Comment
class Loud(Comment):
    volume = models.IntegerField()
class Same(Comment):
    class Meta:
        proxy = True
"""


@pytest.mark.slow
def test_others_extend_what_only_sql_has_made(taken: Project, django_db_blocker: Any) -> None:
    taken.add_models("loud", LOUD)
    taken.add_models("noise", LOUD.replace("Loud", "Noise"))
    (taken.folder / "noise/migrations").mkdir()
    (taken.folder / "noise/migrations/__init__.py").touch()
    taken.manage("makemigrations").ok()
    taken.manage("makemigration", "loud", "--generate").ok()
    taken.manage("migrate").ok()
    taken.manage("makemigrations", "--check").ok()
    taken.manage("makemigration", "loud", "--generate", "--check").ok()
    assert 'REFERENCES "blog_comment"' in taken.manage("sqlmigrate", "noise", "0001").ok().stdout
    with new_database(taken) as old, django_db_blocker.unblock():
        taken.manage("migrate").ok()
        before, after = things(taken, old, taken.database)
        assert before == after
        taken.manage("migrate", "noise", "zero").ok()
        taken.manage("migrations_revert", "--all").ok()
        assert "Unapplying blog.0001" in taken.manage("migrate", "blog", "zero").ok().stdout


@pytest.mark.slow
def test_a_last_migration_that_is_named_as_those_of_sql_are(past: Project) -> None:
    past.add_django_migration("blog", "20240101000000_stamped", "")
    past.configure(SQL_SINCE={"blog": "20240101000000_stamped"})
    assert "with 20240101000000_stamped, which is named as SQL migrations are." in past.manage("check").stderr


@pytest.mark.slow
def test_keys_both_ways_to_what_is_new(taken: Project, django_db_blocker: Any) -> None:
    taken.add_models("blog", TODAY + LINK)
    taken.add_models("shop", SHOP + NOTE + "\nclass Kind(models.Model):\n    pass\n")
    taken.manage("makemigrations", "-n", "kind").ok()
    taken.manage("migrate", "shop").ok()
    taken.manage("makemigration", "blog", "link", "--generate", "--timestamp", "20260102000000").ok()
    text = (taken.folder / "blog/sql_migrations/20260102000000_link.sql").read_text()
    assert "-- migrate:depends shop.0005_kind\n" in text
    taken.manage("migrate").ok()
    taken.manage("makemigrations", "--check").ok()
    with new_database(taken) as old, django_db_blocker.unblock():
        taken.manage("migrate").ok()
        before, after = things(taken, old, taken.database)
        assert before == after


@pytest.mark.slow
def test_another_app_of_sql_refers_to_the_past_and_to_what_came_later(taken: Project) -> None:
    taken.add_models("reports", "class Line(models.Model):\n    post = models.ForeignKey('blog.Post', models.CASCADE)")
    made = ("makemigration", "reports", "line", "--generate", "--timestamp")
    taken.manage(*made, "20260102000000").ok()
    path = taken.folder / "reports/sql_migrations/20260102000000_line.sql"
    assert f"-- migrate:depends {COMMENTS}\n" in path.read_text()
    with new_database(taken):  # without the tables of the past, which come by themselves
        path.unlink()
        assert "left out" not in taken.manage(*made, "20260102000000").ok().stderr
    (taken.folder / taken.source(COMMENTS)).unlink()
    path.unlink()
    taken.manage(*made, "20260102000000").ok()
    assert f"-- migrate:depends blog.{LAST}\n" in path.read_text()


def test_more_than_one_last_migration(past: Project) -> None:
    past.add_django_migration("blog", "0007_other", "")
    other = past.folder / "blog/migrations/0007_other.py"
    other.write_text(other.read_text().replace(LAST, "0006_big"))
    take_over(past)
    stderr = past.manage("check").stderr
    assert "(medusa_migrations.E014) The Django migrations of 'blog' do not all come before 0007_item" in stderr
    assert "makemigrations --merge" in stderr


# The models at the end of what is squashed.
SQUASHED = """
class Author(models.Model):
    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=100)

class Entry(models.Model):
    id = models.AutoField(primary_key=True)
    title = models.CharField(max_length=100, db_index=True)
    slug = models.SlugField(default="")
    author = models.ForeignKey(Author, models.CASCADE)
"""


@pytest.mark.slow
def test_the_squashed_ones_count_as_what_they_replace(past: Project) -> None:
    for name in ("0003_renamed", "0004_tags", "0005_rows", "0006_big", LAST):
        (past.folder / f"blog/migrations/{name}.py").unlink()
    past.add_models("blog", SQUASHED)
    past.add_models("shop", "")
    shutil.rmtree(past.folder / "shop/migrations")
    past.write(COMMENTS, "CREATE VIEW entries AS SELECT slug FROM blog_entry;", "DROP VIEW entries;")
    for name in ("0001_squashed_0002_slug", "0002_slug"):
        past.configure(SQL_SINCE={"blog": name})
        assert past.manage("check").ok().stderr == ""
        past.manage("migrations_verify").ok()
        with new_database(past):
            past.manage("migrate").ok()
            past.manage("makemigration", "blog", "--generate", "--check").ok()
            assert f"{COMMENTS} needs blog." in past.manage("migrate", "blog", "zero").error()


USER = """
from django.contrib.auth.models import AbstractUser, Group
class User(AbstractUser):
    pass
"""
TEAM = """
class Team(Group):
    motto = models.TextField()
"""
# As a receiver of a real project: what is there is used.
RECEIVER = """
from django.apps import AppConfig
from django.db.models.signals import pre_migrate
def clean(sender, apps, **kwargs):
    for name in ("Team", "User"):
        try:
            model = apps.get_model("people", name)
        except LookupError:
            continue
        print("sees", name, model.objects.count())
class People(AppConfig):
    name = "people"
    def ready(self):
        pre_migrate.connect(clean, sender=self)
"""


@pytest.mark.slow
def test_users_on_which_others_of_django_stand(project: Project, django_db_blocker: Any) -> None:
    project.env["DEBUG"] = "1"
    project.add_contrib("admin", "auth", "contenttypes")
    project.add_settings('AUTH_USER_MODEL = "people.User"')
    project.add_models("people", USER)
    (project.folder / "people/apps.py").write_text(RECEIVER)
    project.manage("makemigrations", "people", "--skip-checks").ok()
    project.manage("migrate", "--skip-checks").ok()
    project.configure(SQL_SINCE={"people": "0001_initial"})
    project.add_models("people", f"{USER}    phone = models.TextField(db_default='')\n{TEAM}")
    # The database has neither yet; nor does the past.
    assert "sees User 0" in project.manage("migrate", "--skip-checks").ok().stdout
    project.manage("makemigration", "people", "teams", "--generate", "--timestamp", FIRST).ok()
    assert "sees Team" not in project.manage("migrate", "--skip-checks").ok().stdout
    assert "sees Team 0\nsees User 0" in project.manage("migrate", "--skip-checks").ok().stdout
    project.manage("makemigrations", "--check", "--skip-checks").ok()
    permissions = "SELECT count(*) FROM auth_permission WHERE codename = 'add_team'"
    assert project.sql(permissions) == [(1,)]
    with new_database(project) as old, django_db_blocker.unblock():
        assert "sees" not in project.manage("migrate", "--skip-checks").ok().stdout
        assert project.sql(permissions) == [(1,)]
        before, after = things(project, old, project.database)
        assert before == after
    message = project.manage("migrate", "people", "zero", "--skip-checks").error()
    assert REFUSED in message
    project.manage("migrations_revert", "--all").ok()  # the admin stands on the past


@pytest.mark.parametrize("has_sql", [False, True])
def test_what_needs_no_sql_needs_none(past: Project, has_sql: bool) -> None:
    """Permissions and proxies are in the state of Django's migrations only, which are over."""
    if not has_sql:
        past.folder.joinpath("blog/sql_migrations").rmdir()
    take_over(past)
    meta = "    class Meta:\n"
    proxy = "class Page(Post):\n    class Meta:\n        proxy = True\n"
    past.add_models("blog", BLOG.replace(meta, f"{meta}        permissions = [('print', 'Can print')]\n") + proxy)
    past.manage("makemigrations", "--check").ok()
    past.manage("migrate").ok()
    found = past.sql("SELECT codename FROM auth_permission WHERE codename IN ('print', 'add_page') ORDER BY 1")
    assert found == [("add_page",), ("print",)]
    past.manage("migrate", "blog", "0003").ok()  # the past is not over then
    past.manage("migrate").ok()


@pytest.mark.slow
def test_each_kind_in_its_turn(taken: Project) -> None:
    """SQL that is written after a Django migration of another app that comes after SQL."""
    taken.add_models("shop", SHOP + NOTE)
    taken.manage("makemigrations", "-n", "note").ok()
    more = "blog.20260102000000_more"
    taken.write(more, "ALTER TABLE shop_note ADD n int;", None, header="-- migrate:depends shop.0005_note\n")
    report = "reports.20260103000000_notes"
    taken.write(report, "CREATE VIEW notes AS SELECT n FROM shop_note;", None, header=f"-- migrate:depends {more}\n")
    taken.add_django_migration("shop", "0006_last", "", ("reports", "__first__"), ("blog", "__latest__"))
    with new_database(taken):
        taken.manage("migrate").ok()
        assert taken.applied() == [COMMENTS, more, report]
        assert "shop.0006_last" in taken.django_history()
        taken.manage("migrations_wait", "--timeout", "0").ok()
    taken.manage("migrate").ok()
    taken.manage("migrations_verify").ok()


@pytest.mark.slow
def test_a_phase_that_holds_back_what_a_django_migration_comes_after(taken: Project) -> None:
    taken.add_models("shop", SHOP + NOTE)
    taken.manage("makemigrations", "-n", "note").ok()
    path = taken.folder / taken.source(COMMENTS)
    path.write_text(path.read_text().replace("-- migrate:up", "-- migrate:phase after\n-- migrate:up"))
    with new_database(taken):
        message = taken.manage("migrate", env={"MEDUSA_PHASE": "before"}).error()
        assert "Django's migration shop.0005_note names the app 'blog'" in message
        assert f"{COMMENTS} is held back" in message
