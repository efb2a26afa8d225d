"""Foreign keys to what is not there, or in another schema, stopped the generator for the whole app, or were written
into files that could not run. Found on real projects."""

from __future__ import annotations

import pytest

from medusa_migrations.generate.confined import confined
from tests.support.generated import generate
from tests.support.model_texts import Drafts, sql_of
from tests.support.projects import Project

BOOK = (
    "class Book(models.Model):\n    id = models.{}(primary_key=True{})\n"
    "    class Meta:\n        app_label = 'books'\n        db_table = {!r}\n"
)
AUTHOR = BOOK + "class Author(models.Model):\n    best = models.ForeignKey(Book, models.SET_NULL, null=True)\n"


@pytest.mark.parametrize(
    ("kind", "options", "type_"),
    [
        ("UUIDField", "", "uuid"),
        ("CharField", ", max_length=20", "character varying(20)"),
        ("SmallAutoField", "", "smallint"),
    ],
)
def test_a_key_of_any_type_to_a_table_that_comes_first(drafts: Drafts, kind: str, options: str, type_: str) -> None:
    draft = drafts.draft(AUTHOR.format(kind, options, "books_book"), coming=["books_book"])
    assert f'"best_id" {type_}' in sql_of(draft.up)
    assert "REFERENCES books_book(id)" in sql_of(draft.up)
    assert draft.warnings == ()


@pytest.mark.parametrize("table", ['"far"."thing"', 'far"."thing', '"public"."thing"'])
def test_a_key_to_a_table_in_a_schema_that_is_named(drafts: Drafts, table: str) -> None:
    schema = "public" if "public" in table else "far"
    drafts.session.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE {schema}.thing (id bigint PRIMARY KEY)")
    try:
        text = AUTHOR.format("BigIntegerField", "", table)
        draft = drafts.become(text)
        assert "REFERENCES" not in sql_of(draft.up)
        assert draft.warnings[0].startswith(f"blog.Author.best refers to {table}, whose db_table names a schema")
        drafts.session.execute(f"ALTER TABLE blog_author ADD FOREIGN KEY (best_id) REFERENCES {schema}.thing")
        assert drafts.draft(text).up == ()
        drafts.session.execute("SET lock_timeout = 1")
        drafts.both_ways(text + "    n = models.IntegerField(default=1)\n")
    finally:
        drafts.session.execute("DROP SCHEMA IF EXISTS far CASCADE")


def test_a_table_in_another_schema_is_out_of_reach() -> None:
    sql = 'ALTER TABLE "a" ADD CONSTRAINT "k" FOREIGN KEY (b, "c)") REFERENCES far.thing(id)'
    assert confined(sql).endswith(" REFERENCES pg_temp.far.thing(id)")


CIRCLE = {
    "writers": "class Author(models.Model):\n"
    "    best = models.ForeignKey('books.Book', models.SET_NULL, null=True, related_name='+')\n",
    "books": "class Book(models.Model):\n    author = models.ForeignKey('writers.Author', models.CASCADE)\n",
}


@pytest.mark.smoke
def test_apps_that_refer_to_each_other_come_one_after_the_other(project: Project) -> None:
    for app, text in CIRCLE.items():
        project.add_app(app)
        project.add_models(app, text)
    outcome = generate(project, "--timestamp", "20240101000000", app="writers").ok()
    assert "writers.Author.best refers to books_book, which is not there" in outcome.stderr
    assert "Generate and run books, and then generate writers again" in outcome.stderr
    outcome = generate(project, "--timestamp", "20240101000001", app="books").ok()
    assert "is left out" not in outcome.stderr
    project.run().ok()
    outcome = generate(project, "--timestamp", "20240101000002", app="writers").ok()
    assert "create writers_author.writers_author_best_id" in outcome.stdout
    assert "is left out" not in outcome.stderr
    (path,) = project.folder.glob("writers/sql_migrations/20240101000002_*")
    assert "-- migrate:depends books.20240101000001_create_books_book" in path.read_text()
    project.run().ok()
    generate(project, "--check", app="writers").ok()
    project.manage("migrations_revert", "--all").ok()


def test_a_model_that_waits_for_its_django_migration(project: Project) -> None:
    project.add_app("shop")
    project.add_models("shop", "class Old(models.Model):\n    pass\nclass New(models.Model):\n    pass\n")
    fields = "[('id', models.BigAutoField(primary_key=True))]"
    project.add_django_migration("shop", "0001_initial", f"migrations.CreateModel('Old', {fields}),")
    project.add_models(
        "blog",
        "class A(models.Model):\n    old = models.ForeignKey('shop.Old', models.CASCADE)\n"
        "    new = models.ForeignKey('shop.New', models.CASCADE)\n",
    )
    outcome = generate(project).ok()
    assert "blog.A.new refers to shop_new, which is not there" in outcome.stderr
    assert "Run makemigrations shop, and then generate blog again" in outcome.stderr
    assert "blog.A.old" not in outcome.stderr
    project.manage("migrations_build").ok()
    project.manage("migrate").ok()


def test_a_model_that_moved_takes_its_table_along(project: Project) -> None:
    text = "class A(models.Model):\n    n = models.IntegerField()\n    tags = models.ManyToManyField('self')\n"
    project.add_app("shop")
    project.add_models("shop", text)
    generate(project, "--timestamp", "20240101000000", app="shop").ok()
    project.run().ok()
    project.sql("INSERT INTO shop_a (n) VALUES (7); SELECT 1")
    project.add_models("blog", text)
    renames = ("--rename", "shop_a=blog_a", "--rename", "shop_a_tags=blog_a_tags")
    message = generate(project, *renames).error()
    assert "the database has no table 'shop_a' of this app" in message
    project.add_models("shop", "")
    generate(project, *renames).ok()
    project.run().ok()
    assert project.sql("SELECT n FROM blog_a") == [(7,)]
    generate(project, "--check").ok()
    generate(project, "--check", app="shop").ok()
    project.manage("migrations_revert").ok()
    assert project.sql("SELECT n FROM shop_a") == [(7,)]
