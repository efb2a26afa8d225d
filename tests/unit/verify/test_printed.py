from __future__ import annotations

import pytest

from medusa_migrations.verify.catalog.printed import alike

AT_FIRST = "CHECK (((a)::text = ANY ((ARRAY[{0}::character varying, {1}::character varying])::text[])))"
READ_AGAIN = "CHECK (((a)::text = ANY (ARRAY[({0}::character varying)::text, ({1}::character varying)::text])))"


@pytest.mark.parametrize(
    "constants", [("'a'", "'b'"), ("'it''s'", "''"), ("'], (ARRAY['", "'::text[]'"), ("E'\\\\'", "'('")], ids=str
)
def test_an_array_that_is_cast_as_a_whole_is_one_of_constants_that_are_cast(constants: tuple[str, str]) -> None:
    at_first, again = AT_FIRST.format(*constants), READ_AGAIN.format(*constants)
    assert alike(at_first, again)
    assert alike(again, at_first)
    assert not alike(at_first, again.replace(constants[0], "'other'", 1))
    assert not alike(at_first, again.replace(")::text", ")::citext"))


@pytest.mark.parametrize(("one", "other"), [(None, ""), ("1", 1), ("a", "b"), (["a"], "a"), ("(ARRAY[a])::text[]", "")])
def test_what_is_no_print_of_the_same_differs(one: object, other: object) -> None:
    assert not alike(one, other)
    assert alike(one, one)
