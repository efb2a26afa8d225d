"""Whether a history may be begun where there is none."""

from __future__ import annotations

import pytest

from medusa_migrations.database.place import Others, Place, another
from medusa_migrations.errors import DatabaseError

HERE, OPS, TENANT = Place("default", None), Place("default", "ops"), Place("default", "t1")


@pytest.mark.parametrize(
    ("place", "others", "says"),
    [
        pytest.param(HERE, Others("public", "public", True, (), ()), None, id="no history anywhere"),
        pytest.param(HERE, Others("app", "app", True, ("public",), ()), "one in the schema 'public'", id="lost"),
        pytest.param(
            HERE, Others("public", "public", True, ("public",), ("public",)), None, id="begun by another run meanwhile"
        ),
        pytest.param(
            OPS, Others("public", "public", True, ("t2",), ()), None, id="a schema of its own, others have too"
        ),
        pytest.param(
            OPS, Others("public", "public", True, ("public",), ("public",)), "move it", id="one that is still found"
        ),
        pytest.param(OPS, Others("public", "public", False, ("public",), ()), "CREATE SCHEMA", id="a misspelt schema"),
        pytest.param(
            TENANT,
            Others("t1, public", "t1", True, ("public",), ("public",)),
            None,
            id="a tenant beside the public one",
        ),
    ],
)
def test_where_a_history_may_be_begun(place: Place, others: Others, says: str | None) -> None:
    problem = another(place, others)
    assert (problem is None) is (says is None)
    assert (says or "") in (problem or "")


def test_why_none_may_be_begun_can_be_said_in_another_language() -> None:
    german = {"the schemas {names}": "den Schemata {names}", "the right one": "das richtige"}
    problem = DatabaseError(another(HERE, Others("", None, True, ("a", "b"), ())) or "")
    said = problem.in_language(lambda template: german.get(template, template))
    assert "which is now empty, but one in den Schemata 'a', 'b'. " in said
    assert "\nPut das richtige back into search_path" in said
