"""`makemigration --generate` beside what is there: models and tables of others, rows, and what is kept."""

from __future__ import annotations

import re

import pytest

from tests.support.generated import BOOK, FIRST, files, generate
from tests.support.projects import BLOCKED, Project


class TestOtherModels:
    def test_proxies_swapped_and_unmanaged_ones_have_no_tables(self, books: Project) -> None:
        books.add_models(
            "blog",
            BOOK
            + "class Copy(Book):\n    class Meta:\n        proxy = True\n"
            + "class View(models.Model):\n    class Meta:\n        managed = False\n"
            + "class Swapped(models.Model):\n    class Meta:\n        swappable = 'OTHER_MODEL'\n",
        )
        books.add_settings("OTHER_MODEL = 'blog.Book'")
        assert "No changes detected" in generate(books).ok().stdout

    def test_a_child_of_another_apps_model_is_told_of(self, project: Project) -> None:
        project.add_contrib("auth", "contenttypes")
        project.manage("migrate").ok()
        project.add_models(
            "blog",
            "from django.contrib.auth.models import Group\nclass Team(Group):\n    motto = models.TextField()\n",
        )
        outcome = generate(project).ok()
        assert "blog.Team extends auth.Group of another app" in outcome.stderr
        project.run().ok()
        assert "No changes detected" in generate(project).ok().stdout

    PHONE = (
        "from django.contrib.auth.models import Group\n"
        "Group.add_to_class('phone', models.CharField(max_length=20, default='', db_index=True))\n"
    )

    def test_fields_put_into_another_apps_model(self, project: Project) -> None:
        project.add_contrib("auth", "contenttypes")
        project.add_models("blog", self.PHONE)
        message = generate(project).error()
        assert "auth.Group: has fields that no Django migration makes" in message
        assert "Run `migrate` first." in message
        project.manage("migrate").ok()
        outcome = generate(project).ok()
        assert "auth.Group has fields that no Django migration makes (phone)" in outcome.stderr
        up, _, down = files(project)[0].read_text().partition("-- migrate:down")
        assert re.findall("migrate:depends (.*)", up) == ["auth.0012_alter_user_first_name_max_length"]
        up = up.partition("-- migrate:up")[2]
        assert 'ALTER TABLE "auth_group" ADD COLUMN "phone"' in up
        assert 'DROP COLUMN "phone"' in down
        assert "name" not in up
        project.run().ok()
        assert "No changes detected" in generate(project).ok().stdout
        project.manage("migrations_revert").ok()

    def test_a_foreign_key_to_a_model_with_fields_of_ours(self, project: Project) -> None:
        project.add_contrib("auth", "contenttypes")
        project.manage("migrate").ok()
        project.add_models("blog", self.PHONE)
        generate(project, "--timestamp", FIRST).ok()
        project.run().ok()
        project.add_models("blog", self.PHONE + BOOK + "    group = models.ForeignKey(Group, models.CASCADE)\n")
        generate(project).ok()
        assert "-- migrate:depends auth.0012_alter_user_first_name_max_length\n" in files(project)[1].read_text()

    def test_fields_put_into_a_model_that_a_router_keeps_away(self, project: Project) -> None:
        project.add_contrib("auth", "contenttypes")
        (project.folder / "routers.py").write_text(
            "class Router:\n    def allow_migrate(self, db, app_label, **hints):\n        return app_label != 'auth'\n"
        )
        project.add_settings("DATABASE_ROUTERS = ['routers.Router']")
        project.add_models("blog", self.PHONE)
        assert "No changes detected" in generate(project).ok().stdout


class TestRows:
    """What a proof on empty copies cannot show."""

    @pytest.mark.parametrize(
        "field",
        [
            "models.CharField(max_length=3)",
            "postgres.ArrayField(models.CharField(max_length=3))",
        ],
        ids=["text", "array"],
    )
    def test_a_value_that_does_not_fit_is_an_error(self, books: Project, field: str) -> None:
        books.sql("INSERT INTO blog_book (title) VALUES ('{abcdef}'); SELECT 1")
        books.add_models(
            "blog",
            "import django.contrib.postgres.fields as postgres\n"
            + BOOK.replace("models.CharField(max_length=100)", field),
        )
        generate(books).ok()
        assert "value too long for type character varying(3)" in books.run().error()
        assert books.sql("SELECT title FROM blog_book") == [("{abcdef}",)]

    def test_a_serial_key_of_a_table_that_was_renamed(self, project: Project) -> None:
        project.sql(
            "CREATE TABLE blog_old (id serial PRIMARY KEY, title varchar(100) NOT NULL);"
            "ALTER TABLE blog_old RENAME TO blog_book; CREATE SEQUENCE blog_book_id_seq START 5000;"
            "INSERT INTO blog_book (title) VALUES ('one'), ('two'); SELECT 1"
        )
        project.add_models("blog", BOOK)
        generate(project).ok()
        project.run().ok()
        project.sql("INSERT INTO blog_book (title) VALUES ('three'); SELECT 1")
        project.manage("migrations_revert").ok()
        project.sql("INSERT INTO blog_book (title) VALUES ('four'); SELECT 1")
        assert project.sql("SELECT id FROM blog_book ORDER BY id") == [(1,), (2,), (3,), (4,)]
        assert project.sql("SELECT nextval('blog_book_id_seq')") == [(5000,)]

    def test_a_default_that_writes_is_called_for_nothing_but_a_new_column(self, project: Project) -> None:
        cat = (
            "class Cat(models.Model):\n    name = models.CharField(max_length=9)\n"
            "def first():\n    return Cat.objects.get_or_create(name='x')[0].pk\n"
        )
        project.add_models("blog", cat + BOOK + "    cat = models.ForeignKey(Cat, models.CASCADE, default=first)\n")
        generate(project).ok()
        project.run().ok()
        generate(project, "--check").ok()
        assert project.sql("SELECT count(*) FROM blog_cat") == [(0,)]

    def test_automatic_names_and_serial_keys_are_left_as_they_are(self, project: Project) -> None:
        project.sql(
            "CREATE TABLE blog_author (id bigserial PRIMARY KEY);"
            "CREATE TABLE blog_post (id bigserial PRIMARY KEY, code varchar(9) NOT NULL UNIQUE,"
            " author_id bigint NOT NULL REFERENCES blog_author DEFERRABLE INITIALLY DEFERRED);"
            "CREATE INDEX some_name ON blog_post (author_id);"
            "CREATE INDEX other_name ON blog_post (code varchar_pattern_ops); SELECT 1"
        )
        project.add_models(
            "blog",
            "class Author(models.Model):\n    pass\nclass Post(models.Model):\n"
            "    code = models.CharField(max_length=9, unique=True)\n"
            "    author = models.ForeignKey(Author, models.CASCADE)\n",
        )
        assert "No changes detected" in generate(project).ok().stdout

    def test_a_default_that_fails_is_told(self, books: Project) -> None:
        books.add_models("blog", f"def bad():\n    return 1 / 0\n{BOOK}    n = models.IntegerField(default=bad)\n")
        message = generate(books).error()
        assert "The default of blog.Book.n" in message
        assert "ZeroDivisionError: division by zero" in message


class TestOthersTables:
    def test_partitions_and_tables_of_apps_with_longer_names_are_not_left_over(self, books: Project) -> None:
        books.sql(
            "CREATE TABLE blog_event (id int) PARTITION BY RANGE (id);"
            "CREATE TABLE blog_event_1 PARTITION OF blog_event FOR VALUES FROM (1) TO (2);"
            "CREATE TABLE blog_kid () INHERITS (blog_book); CREATE TABLE blog_extra_x (id int); SELECT 1"
        )
        books.add_models("blog_extra", "")
        outcome = generate(books).ok()
        assert "No model has blog_event any more" in outcome.stderr
        assert "No changes detected" in outcome.stdout

    def test_foreign_keys_and_views_of_others_are_named(self, books: Project) -> None:
        books.sql(
            "CREATE TABLE other (b bigint REFERENCES blog_book (id)); CREATE VIEW v AS SELECT count(*) FROM blog_book;"
            " SELECT 1"
        )
        books.add_models("blog", "")
        outcome = generate(books, "--drop-tables", "--dry-run").ok()
        assert (
            "The foreign key other_b_fkey of other, which is not compared here, stands on blog_book, which is dropped"
            in outcome.stderr
        )
        assert "view v depends on blog_book, which changes" in outcome.stderr

    def test_a_name_that_something_else_has(self, books: Project) -> None:
        books.sql("CREATE TABLE z (id int); CREATE INDEX ix ON z (id); SELECT 1")
        books.add_models(
            "blog", BOOK + "    class Meta:\n        indexes = [models.Index(fields=['title'], name='ix')]\n"
        )
        assert "has something of the name ix already" in generate(books).error()

    def test_a_router_keeps_models_away(self, project: Project) -> None:
        (project.folder / "routers.py").write_text(
            "class Router:\n    def allow_migrate(self, db, app_label, **hints):\n        return False\n"
        )
        project.add_settings("DATABASE_ROUTERS = ['routers.Router']")
        project.add_models("blog", BOOK)
        outcome = generate(project).ok()
        assert "blog.Book is left out: DATABASE_ROUTERS keep it away from 'default'." in outcome.stderr
        assert "No changes detected" in outcome.stdout

    def test_a_schema_whose_name_needs_quotes(self, books: Project) -> None:
        books.sql('ALTER SCHEMA public RENAME TO "Its Ö"')
        books.sql(f"ALTER DATABASE {books.database} SET search_path = 'Its Ö'; SELECT 1")
        assert "No changes detected" in generate(books, "--check").ok().stdout

    def test_a_table_in_another_schema_of_the_search_path(self, books: Project) -> None:
        books.sql(f"CREATE SCHEMA app; ALTER DATABASE {books.database} SET search_path = app, public; SELECT 1")
        assert "blog_book: in another schema of the search_path than the first" in generate(books).error()

    def test_no_schema_at_all(self, books: Project) -> None:
        books.sql(f"ALTER DATABASE {books.database} SET search_path = nowhere; SELECT 1")
        files(books)[0].unlink()
        assert "has no history of migrations in its search_path, which is now nowhere" in generate(books).error()
        books.sql("DROP TABLE public.medusa_migrations; SELECT 1")
        assert "names no schema that is there" in generate(books).error()

    def test_a_new_model_under_the_old_name_of_another(self, books: Project) -> None:
        books.add_models("blog", BOOK.replace("Book", "Volume"))
        generate(books, "--rename", "blog_book=blog_volume").ok()
        books.run().ok()
        books.add_models("blog", BOOK.replace("Book", "Volume") + BOOK)
        generate(books).ok()
        books.run().ok()
        assert "No changes detected" in generate(books).ok().stdout
        books.manage("migrations_revert", "--all").ok()

    def test_columns_of_a_table_between_are_offered_too(self, project: Project) -> None:
        tags = BOOK + "    tags = models.ManyToManyField('Tag')\nclass Tag(models.Model):\n    pass\n"
        project.add_models("blog", tags)
        generate(project).ok()
        project.run().ok()
        project.add_models("blog", tags.replace("Tag(", "Label(").replace("'Tag'", "'Label'"))
        outcome = generate(project, "--rename", "blog_tag=blog_label", "--dry-run").ok()
        assert "--rename blog_book_tags.tag_id=label_id" in outcome.stderr


class TestLive:
    def test_what_stands_on_a_column_that_goes_is_named(self, books: Project) -> None:
        books.sql(
            "CREATE VIEW v AS SELECT title FROM blog_book;"
            "CREATE STATISTICS s ON id, title FROM blog_book;"
            "CREATE POLICY p ON blog_book USING (title <> '');"
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
            "CREATE TRIGGER t BEFORE UPDATE OF title ON blog_book FOR EACH ROW EXECUTE FUNCTION f(); SELECT 1"
        )
        books.add_models("blog", "class Book(models.Model):\n    pass\n")
        said = generate(books, "--dry-run").ok().stderr
        for what in ("view v", "statistics object", "policy p on table", "trigger t on table"):
            assert re.search(rf"{what}.* depends on blog_book\.title, which changes", said), what

    def test_a_view_on_a_generated_column_that_is_made_again_is_named(self, project: Project) -> None:
        text = BOOK + (
            "    twice = models.GeneratedField(expression=models.F('id') * 2, output_field=models.BigIntegerField(),"
            " db_persist=True)\n"
        )
        project.add_models("blog", text)
        generate(project, "--timestamp", FIRST).ok()
        project.run().ok()
        project.sql("CREATE VIEW v AS SELECT twice FROM blog_book; SELECT 1")
        project.add_models("blog", text.replace("* 2", "* 3"))
        said = generate(project, "--dry-run").ok().stderr
        assert "view v depends on blog_book.twice, which changes" in said

    def test_a_table_that_no_model_has_is_told_of_and_kept(self, books: Project) -> None:
        books.add_models("blog", "")
        outcome = generate(books).ok()
        assert "No model has blog_book any more." in outcome.stderr
        assert "No changes detected" in outcome.stdout

    def test_what_ignore_names_is_left_alone(self, books: Project) -> None:
        books.sql("CREATE INDEX by_hand ON blog_book (title); SELECT 1")
        assert generate(books, "--check").code == 1
        books.configure(IGNORE=["blog_book.by_*"])
        generate(books, "--check").ok()

    def test_live_tables_are_only_read(self, books: Project) -> None:
        """It passes beside a transaction that has written, and takes none but ACCESS SHARE locks on what was there."""
        books.add_models("blog", BOOK + "    above = models.ForeignKey('self', models.CASCADE, null=True)\n")
        oids = books.sql("SELECT oid FROM pg_class")
        connection = books.server.connect(books.database)
        with connection.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE blog_book IN EXCLUSIVE MODE")  # conflicts with all but ACCESS SHARE
            generate(books).ok()
            assert not books.sql(f"SELECT {BLOCKED}")[0][0]
        connection.close()
        assert books.sql("SELECT oid FROM pg_class") == oids


class TestKept:
    FIELDS = (
        BOOK + "    n = models.IntegerField()\n    twice = models.GeneratedField(expression=models.F('id') * 2,"
        " output_field=models.BigIntegerField(), db_persist=True)\n"
    )

    @pytest.fixture
    def kept(self, project: Project) -> Project:
        """A table with an index and a check made by hand, which are kept."""
        project.add_models("blog", self.FIELDS)
        generate(project, "--timestamp", FIRST).ok()
        project.write(
            "blog.20240101000001_by_hand",
            "ALTER TABLE blog_book ADD CONSTRAINT kept_check CHECK (n > 0);"
            "CREATE INDEX kept_ix ON blog_book (abs(twice));",
            header="-- migrate:keep blog_book.kept_*\n",
        )
        project.run().ok()
        return project

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            (
                "    n = models.IntegerField()\n",
                "",
                "kept_check is kept, but goes with the column n, which is dropped.",
            ),
            ("n = models.Integer", "n = models.Date", "goes with the column n, which is dropped and added."),
            ("* 2", "* 3", "blog_book.kept_ix is kept, but goes with the column twice, which is dropped and added."),
        ],
    )
    def test_what_goes_with_a_column_is_named(self, kept: Project, old: str, new: str, said: str) -> None:
        kept.add_models("blog", self.FIELDS.replace(old, new))
        warnings = generate(kept, "--dry-run").ok().stderr
        assert said in warnings
        assert warnings.count("is kept, but goes") == 1

    @pytest.mark.parametrize("after", ["    title = models.TextField()\n", ""], ids=["retyped", "dropped"])
    def test_a_kept_column_that_stands_on_one_that_changes_is_named(self, books: Project, after: str) -> None:
        books.write(
            "blog.20240101000001_by_hand",
            "ALTER TABLE blog_book ADD upper text GENERATED ALWAYS AS (upper(title)) STORED;",
            header="-- migrate:keep blog_book.upper\n",
        )
        books.run().ok()
        books.add_models("blog", f"class Book(models.Model):\n    pass\n{after}")
        said = generate(books, "--dry-run").ok().stderr
        assert "The generated column blog_book.upper is kept and stands on title, which changes" in said


class TestWhatGoes:
    OLD = """
class Pen(models.Model):
    pass
class Book(models.Model):
    code = models.CharField(max_length=9, unique=True, db_index=True)
    slug = models.SlugField()
    pen = models.ForeignKey(Pen, models.CASCADE)
    class Meta:
        unique_together = [("code", "slug")]
        indexes = [models.Index(fields=["slug", "code"])]
        constraints = [models.UniqueConstraint(fields=["slug"], name="one_slug")]
"""

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("ForeignKey(", "OneToOneField("),
            ("SlugField()", "SlugField(db_index=False)"),
            ("ForeignKey(Pen", "ForeignKey('self'"),
            ('fields=["slug"]', 'fields=["slug"], condition=models.Q(code="x")'),
            ('[("code", "slug")]', "[]"),
            ('[models.Index(fields=["slug", "code"])]', "[]"),
        ],
        ids=["one to one", "db_index", "another target", "condition", "unique_together", "index"],
    )
    def test_what_was_the_models_is_not_offered_to_be_kept(self, project: Project, old: str, new: str) -> None:
        project.add_models("blog", self.OLD)
        generate(project).ok()
        project.run().ok()
        project.add_models("blog", self.OLD.replace(old, new))
        outcome = generate(project, "--dry-run").ok()
        assert "  drop blog_book." in outcome.stderr
        assert "migrate:keep" not in outcome.stderr
