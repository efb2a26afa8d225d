"""Apps that refer to each other: in no order could each be generated and run. Found on real projects."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.copies import copied, original
from tests.support.projects import Outcome, Project, Server

UUID = "    id = models.UUIDField(primary_key=True, default=uuid.uuid4)\n"
RUN = ("migrations_run", "--build")
KEY = "models.ForeignKey({!r}, models.SET_NULL, null=True, related_name='+')"


def model(name: str, *fields: str, key: str = "") -> str:
    return f"import uuid\nclass {name}(models.Model):\n{key}" + "".join(f"    {one}\n" for one in (*fields, "pass"))


def ring(labels: tuple[str, ...], key: str = UUID) -> dict[str, str]:
    """Apps with a model `Thing` each, of which each refers to the next one's, and the last to the first."""
    after = dict(zip(labels, (*labels[1:], labels[0]), strict=True))
    return {label: model("Thing", "next = " + KEY.format(f"{after[label]}.Thing"), key=key) for label in labels}


def given(project: Project, apps: Mapping[str, str]) -> None:
    for label, text in apps.items():
        if not (project.folder / label).exists():
            project.add_app(label)
        project.add_models(label, text)


def generate(project: Project, *words: str) -> Outcome:
    return project.manage("makemigration", *words, "--generate")


def files(project: Project) -> list[Path]:
    """In the order of their timestamps."""
    return sorted(project.folder.glob("*/sql_migrations/*"), key=lambda path: path.name)


def depends(path: Path) -> list[str]:
    return re.findall("migrate:depends (.*)", path.read_text())


def round_trip(project: Project, *labels: str) -> None:
    """All runs, nothing is left to be generated, and all goes back and forth."""
    checks = [("makemigration", *some, "--generate", "--check") for some in (labels, *((one,) for one in labels))]
    revert = ("migrations_revert", "--all", "--no-input")
    outcome = project.manage_several(RUN, *checks, revert, (*RUN, "--transaction", "each")).ok()
    assert outcome.stdout.count("No changes detected") == len(checks)


class TestNewTables:
    @pytest.mark.smoke
    @pytest.mark.parametrize("labels", [("books", "writers"), ("blog", "books", "writers")], ids=len)
    def test_a_ring(self, project: Project, labels: tuple[str, ...]) -> None:
        given(project, ring(labels))
        outcome = generate(project, *labels, "--timestamp", "20240101000000").ok()
        assert outcome.stderr == ""
        made = files(project)
        assert [path.parts[-3] for path in made] == [labels[0], *reversed(labels[1:]), labels[0]]
        *_, last, keys = made
        assert keys.stem == f"2024010100000{len(labels)}_alter_{labels[0]}_thing_keys"
        assert depends(keys) == [f"{labels[1]}.{last.stem}"]
        assert re.findall(r'^ALTER TABLE.*"(\w+_id)_\w+"', keys.read_text(), re.MULTILINE)
        round_trip(project, *labels)
        assert "0 faults, 0 unsafe statements" in project.manage("migrations_verify").ok().stdout

    @pytest.mark.parametrize("labels", [*itertools.permutations(("blog", "books", "writers"))], ids="-".join)
    @pytest.mark.slow
    def test_one_direction_needs_no_file_of_keys_whatever_order_is_given(
        self, project: Project, labels: tuple[str, ...]
    ) -> None:
        texts = {"writers": model("Author", key=UUID), "books": model("Book", "a = " + KEY.format("writers.Author"))}
        given(project, {**texts, "blog": model("Post", "many = models.ManyToManyField('books.Book')")})
        generate(project, *labels).ok()
        made = files(project)
        assert [path.parts[-3] for path in made] == ["writers", "books", "blog"]
        assert [depends(path) for path in made] == [[], [f"writers.{made[0].stem}"], [f"books.{made[1].stem}"]]
        project.run("blog").ok()
        round_trip(project, *labels)

    @pytest.mark.slow
    def test_a_circle_beside_what_refers_to_it_and_to_itself(self, project: Project) -> None:
        given(project, ring(("books", "writers")))
        given(project, {"blog": model("Post", "a = " + KEY.format("books.Thing"), "b = " + KEY.format("self"))})
        generate(project, "blog", "writers", "books").ok()
        assert [path.parts[-3] for path in files(project)] == ["writers", "books", "blog", "writers"]
        round_trip(project, "blog", "writers", "books")

    @pytest.mark.slow
    def test_many_to_many_both_ways(self, project: Project) -> None:
        texts = {
            "writers": model("Author", "many = models.ManyToManyField('books.Book', related_name='+')", key=UUID),
            "books": model("Book", "many = models.ManyToManyField('writers.Author', related_name='+')", key=UUID),
        }
        given(project, texts)
        generate(project, "writers", "books").ok()
        assert len(files(project)) == 3
        round_trip(project, "writers", "books")

    def test_a_child_of_a_model_of_the_other_app(self, project: Project) -> None:
        given(project, {"books": "from writers.models import Author\nclass Book(Author):\n    pass\n"})
        given(project, {"writers": model("Author", "best = " + KEY.format("books.Book"), key=UUID)})
        assert "has a part of the rows" not in generate(project, "books", "writers").ok().stderr
        round_trip(project, "books", "writers")

    def test_a_name_of_ones_own(self, project: Project) -> None:
        given(project, ring(("books", "writers")))
        generate(project, "books", "writers", "first_tables", "--timestamp", "20240101000000").ok()
        assert [path.name for path in files(project)] == [
            "20240101000000_first_tables.sql",
            "20240101000001_first_tables.sql",
            "20240101000002_first_tables_keys.sql",
        ]

    def test_one_of_two_that_has_no_change_gets_no_file(self, project: Project) -> None:
        given(project, {"writers": model("Author"), "books": ""})
        generate(project, "writers", "books").ok()
        assert [path.parts[-3] for path in files(project)] == ["writers"]


@pytest.fixture(scope="module")
def first_rows(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with original(server, tmp_path_factory.mktemp("rows"), "rows") as project:
        given(project, ring(("books", "writers"), key="    id = models.AutoField(primary_key=True)\n"))
        made = ("makemigration", "books", "writers", "--generate", "--timestamp", "20240101000000")
        project.manage_several(made, RUN).ok()
        project.sql(
            "INSERT INTO books_thing (id) VALUES (7); INSERT INTO writers_thing (id, next_id) VALUES (8, 7);"
            "UPDATE books_thing SET next_id = 8"
        )
        yield project


@pytest.mark.xdist_group("rows of several apps")  # they are made once
class TestTablesThatAreThere:
    @pytest.fixture
    def rows(self, first_rows: Project, project: Project) -> Project:
        """Two apps with a row each, which refer to each other by integers."""
        return copied(first_rows, project)

    def again(self, project: Project, *words: str) -> list[Path]:
        """Generate what differs, run it, revert it and run it again; the rows stay."""
        before = files(project)
        outcome = project.manage_several(
            ("makemigration", *words, "--generate", "--timestamp", "20240201000000"),
            (*RUN, "--transaction", "each"),
            ("makemigration", "books", "writers", "--generate", "--check"),
        ).ok()
        assert outcome.stdout.endswith("No changes detected\n")
        made = [path for path in files(project) if path not in before]
        project.manage("migrations_revert", "--steps", str(len(made)), "--no-input").ok()
        assert project.sql("SELECT id, next_id FROM writers_thing") == [(8, 7)]
        project.run().ok()
        return made

    @pytest.mark.slow
    def test_keys_of_a_ring_get_another_type(self, rows: Project) -> None:
        given(rows, ring(("books", "writers"), key=""))
        made = self.again(rows, "books", "writers")
        assert [path.parts[-3] for path in made] == ["books", "writers", "books"]
        assert rows.sql("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated") == [(2,)]
        assert rows.sql("SELECT pg_typeof(next_id)::text, next_id FROM books_thing") == [("bigint", 8)]

    def test_a_new_ring_beside_the_old(self, rows: Project) -> None:
        more = model("More", "other = " + KEY.format("{}.More"), key=UUID)
        for own, other in (("books", "writers"), ("writers", "books")):
            text = (rows.folder / own / "models.py").read_text()
            rows.add_models(own, text.partition("models\n")[2] + more.replace("{}", other))
        assert len(self.again(rows, "writers", "books")) == 3

    def test_what_refers_goes_before_what_it_refers_to(self, rows: Project) -> None:
        given(rows, {"books": "", "writers": model("Thing", key="    id = models.AutoField(primary_key=True)\n")})
        before = files(rows)
        generate(rows, "books", "writers", "--drop-tables", "--timestamp", "20240201000000").ok()
        made = [path for path in files(rows) if path not in before]
        assert [path.parts[-3] for path in made] == ["writers", "books"]
        assert depends(made[1]) == [f"writers.{made[0].stem}"]
        rows.run("--transaction", "each").ok()
        assert {"books_thing", "writers_thing"} & rows.tables() == {"writers_thing"}
        rows.manage("migrations_revert", "--steps", "2", "--no-input").ok()
        rows.run().ok()

    @pytest.mark.slow
    def test_tables_of_a_ring_that_go(self, rows: Project) -> None:
        given(rows, {"books": "", "writers": ""})
        generate(rows, "books", "writers", "--drop-tables").ok()
        rows.run("--transaction", "each").ok()
        assert not {"books_thing", "writers_thing"} & rows.tables()
        rows.manage("migrations_revert", "--last-run", "--no-input").ok()
        rows.run().ok()

    def test_renames_in_both(self, rows: Project) -> None:
        texts = ring(("books", "writers"), key="    id = models.AutoField(primary_key=True)\n")
        texts = {own: text.replace("Thing", "Volume").replace("next", "then") for own, text in texts.items()}
        given(rows, texts)
        renames = [
            ("--rename", one.format(app))
            for app in texts
            for one in ("{0}_thing={0}_volume", "{0}_thing.next_id=then_id")
        ]
        generate(rows, "writers", "books", *itertools.chain(*renames), "--timestamp", "20240201000000").ok()
        rows.run("--transaction", "each").ok()
        assert rows.sql("SELECT id, then_id FROM writers_volume") == [(8, 7)]
        assert "No changes detected" in generate(rows, "books", "writers", "--check").ok().stdout
        rows.manage("migrations_revert", "--steps", "2", "--no-input").ok()
        assert rows.sql("SELECT id, next_id FROM writers_thing") == [(8, 7)]
        rows.run().ok()

    def test_what_is_renamed_comes_before_what_refers_to_it(self, rows: Project) -> None:
        text = "class Thing(models.Model):\n    id = models.AutoField(primary_key=True)\n"
        given(rows, {"books": text.replace("Thing", "Volume"), "writers": text})
        given(
            rows, {"writers": f"{text}    next = {KEY.format('books.Volume')}\n    x = {KEY.format('books.Volume')}\n"}
        )
        generate(rows, "writers", "books", "--rename", "books_thing=books_volume", "--timestamp", "20240201000000").ok()
        *_, first, second = files(rows)
        assert (first.parts[-3], second.parts[-3]) == ("books", "writers")
        rows.run("--transaction", "each").ok()
        rows.manage("migrations_revert", "--steps", "2", "--no-input").ok()

    @pytest.mark.slow
    def test_a_model_moves_from_one_to_the_other(self, rows: Project) -> None:
        text = "    id = models.AutoField(primary_key=True)\n"
        given(rows, {"books": "", "writers": model("Thing", key=text) + model("Book", key=text)})
        given(rows, {"writers": model("Thing", "next = " + KEY.format("Book"), key=text) + model("Book", key=text)})
        outcome = generate(rows, "writers", "books", "--rename", "books_thing=writers_book").ok()
        assert "rename books_thing=writers_book" in outcome.stdout
        rows.run("--transaction", "each").ok()
        assert rows.sql("SELECT b.id FROM writers_book b JOIN writers_thing t ON t.next_id = b.id") == [(7,)]

    @pytest.mark.slow
    def test_what_one_keeps_is_kept_in_its_own_tables_only(self, rows: Project) -> None:
        for app in ("books", "writers"):
            rows.sql(f"CREATE INDEX {app}_by_hand ON {app}_thing (id, next_id); SELECT 1")
        rows.write("books.20240101000010_keep", "SELECT 1;", header="-- migrate:keep *.*by_hand\n")
        rows.run().ok()
        outcome = generate(rows, "books", "writers", "--check")
        assert outcome.code == 1
        assert "writers_by_hand" in outcome.stdout
        assert "books_by_hand" not in outcome.stdout


class TestOptions:
    @pytest.fixture
    def both(self, project: Project) -> Project:
        given(project, ring(("books", "writers")))
        return project

    def test_check(self, both: Project) -> None:
        outcome = generate(both, "books", "writers", "--check")
        assert "The models of 'books', 'writers' and the database differ." in outcome.error()
        assert files(both) == []

    def test_dry_run_and_the_document(self, both: Project) -> None:
        dry = generate(both, "books", "writers", "--dry-run", "--json", "--timestamp", "20240101000000").ok().json
        assert files(both) == []
        made = generate(both, "books", "writers", "--json", "--timestamp", "20240101000000").ok().json
        listed = [
            {"id": f"{one.parts[-3]}.{one.stem}", "path": str(one.relative_to(both.folder))} for one in files(both)
        ]
        assert made["files"] == listed
        assert {name: made[name] for name in ("id", "path")} == listed[0]
        texts = [path.read_text() for path in files(both)]
        assert dry["files"] == [{**one, "text": text} for one, text in zip(listed, texts, strict=True)]
        assert dry["text"] == texts[0]

    def test_dry_run_says_which_file_is_which(self, both: Project) -> None:
        stdout = generate(both, "books", "writers", "--dry-run", "--timestamp", "20240101000000").ok().stdout
        assert re.findall("^-- (.*sql_migrations.*)$", stdout, re.MULTILINE) == [
            "books/sql_migrations/20240101000000_create_books_thing.sql",
            "writers/sql_migrations/20240101000001_create_writers_thing.sql",
            "books/sql_migrations/20240101000002_alter_books_thing_keys.sql",
        ]

    def test_online_is_for_one_app_where_there_are_tables(self, both: Project) -> None:
        generate(both, "books", "writers", "--online").ok()
        both.run().ok()
        both.add_models("books", ring(("books", "writers"))["books"] + "    n = models.IntegerField(null=True)\n")
        message = generate(both, "books", "writers", "--online").error()
        assert "--online takes one app at a time" in message
        generate(both, "books", "--online").ok()

    def test_while_one_of_the_second_is_pending(self, both: Project) -> None:
        both.table(1, "writers")
        message = generate(both, "books", "writers").error()
        assert "Run migrations_run writers first." in message
        document = generate(both, "books", "writers", "--json").json
        assert (document["id"], document["files"]) == (None, [])
        assert "writers first" in document["error"]["message"]

    def test_one_of_djangos_is_refused_and_nothing_is_written(self, both: Project) -> None:
        both.add_app("shop")
        both.add_models("shop", model("Shop"))
        both.add_django_migration("shop", "0001_initial", "")
        assert "Use makemigrations shop." in generate(both, "books", "shop").error()
        assert files(both) == []

    def test_one_alone_names_the_way_for_both(self, both: Project) -> None:
        stderr = generate(both, "books").ok().stderr
        assert "generate both at once: makemigration books writers --generate." in stderr


class TestNames:
    """Of tables that came from another app, and names that stayed behind."""

    MOVE = "ALTER TABLE {0}_thing RENAME CONSTRAINT {0}_thing_pkey TO {1}"

    def given(self, project: Project, *labels: str) -> None:
        given(project, {label: model("Thing") for label in labels})
        generate(project, *labels, "--timestamp", "20240101000000").ok()
        project.run().ok()

    def move(self, project: Project, *pairs: tuple[str, str]) -> None:
        for label, name in pairs:
            project.sql(f"{self.MOVE.format(label, name)}; SELECT 1")

    @pytest.mark.parametrize("labels", [("blog", "books"), ("books", "blog")], ids="-".join)
    def test_who_has_the_name_of_another_app_gives_it_away_first(
        self, project: Project, labels: tuple[str, ...]
    ) -> None:
        self.given(project, *labels)
        self.move(project, ("blog", "odd"), ("books", "blog_thing_pkey"))
        generate(project, *labels, "--rename-constraints").ok()
        first, second = files(project)[-2:]
        assert [path.parts[-3] for path in (first, second)] == ["books", "blog"]
        assert depends(second) == [f"books.{first.stem}"]
        project.run("blog").ok()
        assert generate(project, *labels, "--check").ok().stdout == "No changes detected\n"
        project.manage("migrations_revert", "--to", f"{labels[-1]}.{files(project)[1].stem}", "--no-input").ok()
        key = "conrelid = 'books_thing'::regclass AND contype = 'p'"
        assert project.sql(f"SELECT conname::text FROM pg_constraint WHERE {key}") == [("blog_thing_pkey",)]

    def test_names_in_turn_are_left_to_a_person(self, project: Project) -> None:
        self.given(project, "blog", "books")
        self.move(project, ("blog", "odd"), ("books", "blog_thing_pkey"))
        project.sql("ALTER TABLE blog_thing RENAME CONSTRAINT odd TO books_thing_pkey; SELECT 1")
        message = generate(project, "blog", "books", "--rename-constraints").error()
        assert "give one of them another name by hand, and generate again." in message
        assert len(files(project)) == 2
