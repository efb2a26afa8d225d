"""What is in the way of a change is named, all of it and nothing else: there were warnings of foreign keys in no
danger, "not of this app" for the app's own tables, and none of functions, publications, rules and views on views. Found
on real projects, and by an attack.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import Error, models

from tests.support.drafts import Bench, Models, models_of


def shop(*without: str, **instead: Any) -> Models:
    """A customer and an order, without some of the customer's fields, or with others in their place."""
    fields = {
        "name": models.CharField(max_length=20),
        "code": models.IntegerField(unique=True),
        "is_staff": models.BooleanField(default=False),
        "number": models.IntegerField(null=True),
    }
    left = {name: field for name, field in (fields | instead).items() if name not in without}
    order = {"customer": models.ForeignKey("blog.Customer", models.CASCADE)}
    return models_of(Customer=left, Order=order)


def foreign(bench: Bench, wanted: Models, **options: Any) -> list[str]:
    return [one for one in bench.draft(wanted, **options).warnings if one.startswith("The foreign key ")]


class TestForeignKeys:
    @pytest.fixture
    def customers(self, bench: Bench) -> Bench:
        bench.become(shop())
        bench.session.execute(
            "CREATE TABLE other (by_id bigint REFERENCES blog_customer, code int CONSTRAINT by_code REFERENCES"
            " blog_customer (code))"
        )
        return bench

    @pytest.mark.smoke
    def test_those_in_no_danger_are_not_named(self, customers: Bench) -> None:
        assert foreign(customers, shop("is_staff")) == []
        assert foreign(customers, shop(number=models.BigIntegerField(null=True))) == []
        # PostgreSQL makes it again by itself.
        draft = customers.become(shop(code=models.BigIntegerField(unique=True)))
        assert [one for one in draft.warnings if one.startswith("The foreign key ")] == []

    def test_a_column_that_goes(self, customers: Bench) -> None:
        (said,) = foreign(customers, shop("code"))
        assert said == (
            "The foreign key by_code of other, which is not compared here, stands on blog_customer.code, which is "
            "dropped: drop it before, and make it again after that."
        )

    def test_a_key_that_goes(self, customers: Bench) -> None:
        (said,) = foreign(customers, shop(code=models.IntegerField()))
        assert "stands on blog_customer.code, whose key blog_customer_code_key goes" in said

    def test_a_type_that_it_cannot_be_compared_with(self, customers: Bench) -> None:
        (said,) = foreign(customers, shop(code=models.CharField(max_length=9, unique=True)))
        assert "stands on blog_customer.code, which becomes character varying(9)" in said
        with pytest.raises(Error, match="cannot be implemented"):
            customers.become(shop(code=models.CharField(max_length=9, unique=True)))
        customers.session.rollback()

    def test_a_table_that_goes(self, customers: Bench) -> None:
        said = foreign(customers, models_of(Other={"n": models.IntegerField()}), drop_tables=True)
        assert ["stands on blog_customer, which is dropped" in one for one in said] == [True, True]

    def test_the_comment_of_a_key(self, customers: Bench) -> None:
        customers.session.execute("COMMENT ON CONSTRAINT blog_customer_pkey ON blog_customer IS 'by hand'")
        draft = customers.draft(shop())
        assert [one for one in draft.warnings if one.startswith("The foreign key ")] == []
        assert [one.sql for one in draft.up] == [
            'COMMENT ON CONSTRAINT "blog_customer_pkey" ON "blog_customer" IS NULL'
        ]

    def test_one_of_the_app_that_is_kept(self, customers: Bench) -> None:
        customers.session.execute(
            "ALTER TABLE blog_order ADD CONSTRAINT kept FOREIGN KEY (id) REFERENCES blog_customer (code)"
        )
        said = foreign(customers, shop(code=models.IntegerField()), ignore=["blog_order.kept"])
        assert [one.split()[3] for one in said] == ["kept", "by_code"]

    def test_a_table_that_is_renamed(self, customers: Bench) -> None:
        renamed = models_of(
            Buyer={"name": models.CharField(max_length=20), "number": models.IntegerField(null=True)},
            Order={"customer": models.ForeignKey("blog.Buyer", models.CASCADE)},
        )
        (said,) = foreign(customers, renamed, renames=["blog_customer=blog_buyer"])
        assert "The foreign key by_code of other" in said


def what(bench: Bench, wanted: Models, **options: Any) -> list[str]:
    """What is said to depend on something."""
    draft = bench.draft(wanted, **options)
    return [str(one).partition(", which changes")[0] for one in draft.standing]


def book(**fields: Any) -> Models:
    return models_of(Book={"title": models.CharField(max_length=20), "n": models.IntegerField(null=True), **fields})


EVERYTHING = """
CREATE VIEW v AS SELECT title FROM blog_book;
CREATE VIEW on_v AS SELECT title FROM v;
CREATE MATERIALIZED VIEW on_on_v AS SELECT upper(title) FROM on_v;
CREATE TABLE log (title text);
CREATE RULE r AS ON INSERT TO blog_book DO ALSO INSERT INTO log VALUES (NEW.title);
CREATE FUNCTION f() RETURNS bigint BEGIN ATOMIC SELECT count(title) FROM blog_book; END;
CREATE FUNCTION of_v() RETURNS SETOF v LANGUAGE sql AS 'SELECT ''''';
CREATE TABLE counted (n bigint DEFAULT f());
CREATE PUBLICATION listed FOR TABLE blog_book (id, title);
CREATE PUBLICATION filtered FOR TABLE blog_book WHERE (title <> '') WITH (publish = 'insert');
CREATE VIEW not_on_it AS SELECT count(*) FROM blog_book;
ALTER TABLE blog_book ADD CONSTRAINT blog_book_c CHECK (title <> 'x');
CREATE INDEX blog_book_i ON blog_book (upper(title));
"""
ON_TITLE = [
    "default value for column n of table counted depends on blog_book.title",
    "function f() depends on blog_book.title",
    "function of_v() depends on blog_book.title",
    "materialized view on_on_v depends on blog_book.title",
    "publication of table public.blog_book in publication filtered depends on blog_book.title",
    "publication of table public.blog_book in publication listed depends on blog_book.title",
    "rule r on table public.blog_book depends on blog_book.title",
    "view on_v depends on blog_book.title",
    "view v depends on blog_book.title",
]


class TestObjects:
    @pytest.mark.smoke
    def test_whatever_its_class_and_what_stands_on_that(self, bench: Bench) -> None:
        bench.become(book())
        bench.session.execute(EVERYTHING)
        keep = ["blog_book.blog_book_[ci]"]
        assert what(bench, book(title=models.TextField()), ignore=keep) == ON_TITLE
        assert what(bench, models_of(Book={"n": models.IntegerField(null=True)}), ignore=keep) == ON_TITLE
        assert what(bench, book(n=models.BigIntegerField(null=True)), ignore=keep) == []

    def test_of_a_table_that_goes(self, bench: Bench) -> None:
        bench.become(models_of(Book={"next": models.ForeignKey("self", models.CASCADE)}))
        bench.session.execute(
            "CREATE VIEW v AS SELECT count(*) FROM blog_book; CREATE FUNCTION f(blog_book) RETURNS int LANGUAGE sql"
            " AS 'SELECT 1'; CREATE TABLE kid () INHERITS (blog_book); CREATE PUBLICATION p FOR TABLE blog_book"
        )
        assert what(bench, models_of(Other={}), drop_tables=True) == [
            "function f(public.blog_book) depends on blog_book",
            "table kid depends on blog_book",
            "view v depends on blog_book",
        ]

    def test_a_view_that_needs_the_key(self, bench: Bench) -> None:
        bench.become(book())
        bench.session.execute("CREATE VIEW v AS SELECT n FROM blog_book GROUP BY id")
        keyed = models_of(
            Book={"title": models.CharField(max_length=20, primary_key=True), "n": models.IntegerField(null=True)}
        )
        assert what(bench, keyed) == [
            "view v depends on blog_book.blog_book_pkey",
            "view v depends on blog_book.id",
        ]

    def test_on_a_collation_that_changes(self, bench: Bench) -> None:
        bench.become(book())
        bench.session.execute("CREATE VIEW v AS SELECT title FROM blog_book")
        assert what(bench, book(title=models.CharField(max_length=20, db_collation="C"))) == [
            "view v depends on blog_book.title"
        ]

    def test_on_what_is_renamed(self, bench: Bench) -> None:
        bench.become(book())
        bench.session.execute("CREATE VIEW v AS SELECT title FROM blog_book")
        wanted = models_of(Volume={"name": models.TextField(), "n": models.IntegerField(null=True)})
        renames = ["blog_book=blog_volume", "blog_book.title=name"]
        assert what(bench, wanted, renames=renames) == ["view v depends on blog_book.title"]
