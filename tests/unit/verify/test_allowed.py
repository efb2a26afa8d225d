"""What a header lets pass."""

from __future__ import annotations

import pytest

from medusa_migrations.migration import Allowed
from medusa_migrations.results import Difference
from medusa_migrations.verify.allowed import apart

TRGM = Difference("new", "extension", "pg_trgm")
STATE = Difference("differs", "column", "public.post.state", "default", "'new'", None)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("drift extension pg_trgm: in use", Allowed("drift", "extension", "pg_trgm", "in use")),
        ("drift function f(integer, text): it: stays", Allowed("drift", "function", "f(integer, text)", "it: stays")),
        ("drift cast integer AS public.c: why", Allowed("drift", "cast", "integer AS public.c", "why")),
        ("scan: the table is small", Allowed("scan", "", "", "the table is small")),
        ("drop-column blog_post: nobody reads it", Allowed("drop-column", "", "blog_post", "nobody reads it")),
        ("drift extension pg_trgm", None),
        ("drift extension pg_trgm:", None),
        ("drift pg_trgm: why", None),
        ("scans: why", None),
        ("scan", None),
        ("", None),
    ],
)
def test_what_is_allowed_is_written_with_a_reason(text: str, allowed: Allowed | None) -> None:
    assert Allowed.parse(text) == allowed


@pytest.mark.parametrize(
    ("allow", "left", "idle"),
    [
        ([], [TRGM, STATE], []),
        (["drift extension pg_trgm: x"], [STATE], []),
        (["drift extension hstore: x"], [TRGM, STATE], ["drift extension hstore: x"]),
        (["drift column post.state: x", "drift extension *: x"], [], []),
        (["drift column public.post.*: x"], [TRGM], []),
        (["drift table post.state: x"], [TRGM, STATE], ["drift table post.state: x"]),
        (["scan: x"], [TRGM, STATE], []),
    ],
)
def test_each_allowance_lets_its_object_pass_and_one_that_lets_nothing_pass_is_told(
    allow: list[str], left: list[Difference], idle: list[str]
) -> None:
    assert apart([TRGM, STATE], allow) == (tuple(left), tuple(idle))
