"""What a proof rests on: which changes take which proofs away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from medusa_migrations.migration import Key, Migration, MigrationId, Part
from medusa_migrations.verify.chain import Surroundings, _plain, keys

NAMES = ["20240101000001_a", "20240101000002_b", "20240101000003_c"]
DJANGO: Key = ("auth", "0001_initial")


def migration(name: str, **fields: object) -> Migration:
    one = Migration(MigrationId("blog", name), "", "", f"hash of {name}", f"checksum of {name}", Part(0, 1, 1), None)
    return one._replace(**fields)  # type: ignore[arg-type]  # of any field


def found(*migrations: Migration, before: Key = DJANGO, server: int = 18, text: bytes = b"") -> list[str]:
    order: list[Key] = [before, *(one.id for one in migrations)]
    by_id: dict[Key, Migration] = {one.id: one for one in migrations}
    return list(keys(order, by_id, Surroundings("default", server), lambda key: text).values())


ALL = [migration(name) for name in NAMES]
SECOND: dict[str, tuple[Callable[[], list[str]], list[bool]]] = {
    "nothing": (lambda: found(*ALL), [True, True, True]),
    "its file, but not what it does up": (lambda: with_second(hash="other"), [True, False, True]),
    "its up part": (lambda: with_second(hash="other", checksum="other"), [True, False, False]),
    "its transaction": (lambda: with_second(up=Part(0, 1, 1, False)), [True, True, False]),
    "one that is gone": (lambda: found(ALL[0], ALL[2]), [True, False]),
    "one of Django's before it": (lambda: found(*ALL, text=b"other"), [False, False, False]),
    "the server": (lambda: found(*ALL, server=15), [False, False, False]),
}


def with_second(**fields: object) -> list[str]:
    return found(ALL[0], migration(NAMES[1], **fields), ALL[2])


@pytest.mark.parametrize("change", SECOND)
def test_a_proof_holds_until_what_it_rests_on_changes(change: str) -> None:
    work, holds = SECOND[change]
    assert [key in found(*ALL) for key in work()] == holds


@pytest.mark.parametrize(
    "change",
    [
        {"AUTH_USER_MODEL": "blog.User"},
        {"MEDUSA_MIGRATIONS": {"TRANSACTION": "none"}},
        {"DATABASE_ROUTERS": ["tests.unit.verify.test_chain.NoAuth"]},
    ],
)
def test_what_the_settings_say_belongs_to_it(settings: Any, change: dict[str, Any]) -> None:
    before = found(*ALL)
    for name, value in change.items():
        setattr(settings, name, value)
    assert not set(found(*ALL)) & set(before)


class NoAuth:
    """A router that keeps Django's users away."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if app_label == "auth" else None


def test_a_set_has_one_form() -> None:
    assert _plain({"b", "a", "c"}) == ["a", "b", "c"]
