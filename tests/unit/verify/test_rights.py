"""What makes the rights, comments and settings of a database what they were."""

from __future__ import annotations

import pytest

from medusa_migrations.verify.scratch.rights import Place, Standing, put_back

GRANT, REVOKE = ["GRANT USAGE ON SCHEMA s TO PUBLIC"], ["REVOKE ALL ON SCHEMA s FROM PUBLIC"]
SCHEMA = Place("ada", "it's", GRANT, REVOKE)
DATABASE, ROLE = "ALTER DATABASE d", "ALTER ROLE ada IN DATABASE d"


def places(place: Place | None) -> Standing:
    return Standing({"SCHEMA s": place} if place else {}, set())


def settings(*settings: tuple[str, str]) -> Standing:
    return Standing({}, set(settings))


CASES = {
    "nothing where all is as it was": (places(SCHEMA), places(SCHEMA), []),
    "what is new is no matter of these": (places(None), places(SCHEMA), []),
    "the owner": (places(SCHEMA), places(SCHEMA._replace(owner="bob")), ["ALTER SCHEMA s OWNER TO ada"]),
    "the rights": (places(SCHEMA), places(SCHEMA._replace(rights=["GRANT CREATE …"])), [*REVOKE, *GRANT]),
    "a comment": (places(SCHEMA), places(SCHEMA._replace(comment=None)), ["COMMENT ON SCHEMA s IS 'it''s'"]),
    "no comment": (
        places(SCHEMA._replace(comment=None)),
        places(SCHEMA),
        ["COMMENT ON SCHEMA s IS NULL"],
    ),
    "a schema that has gone": (
        places(SCHEMA),
        places(None),
        [
            "CREATE SCHEMA s AUTHORIZATION ada",
            "REVOKE ALL ON SCHEMA s FROM ada",
            *GRANT,
            "COMMENT ON SCHEMA s IS 'it''s'",
        ],
    ),
    "a new setting": (settings(), settings((ROLE, "app.user=x")), [f'{ROLE} RESET "app"."user"']),
    "another value": (
        settings((DATABASE, "work_mem=4MB")),
        settings((DATABASE, "work_mem=5MB")),
        [f'{DATABASE} RESET "work_mem"', f"{DATABASE} SET \"work_mem\" = '4MB'"],
    ),
    "a list, as it was written": (
        settings((DATABASE, 'search_path="$user", public')),
        settings(),
        [f'{DATABASE} SET "search_path" = "$user", public'],
    ),
    "an empty list": (settings((DATABASE, "search_path=")), settings(), [f"{DATABASE} SET \"search_path\" = ''"]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_has_changed_is_put_back(case: str) -> None:
    before, now, statements = CASES[case]
    assert put_back(before, now) == statements
