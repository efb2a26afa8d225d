"""The differences that a migration's header lets pass: `-- migrate:allow drift KIND NAME: reason`."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from medusa_migrations.migration import Allowed
from medusa_migrations.results import Difference


def apart(found: Sequence[Difference], allow: Sequence[str]) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    """What of `found` no text of `allow` lets pass, and the texts that let nothing pass."""
    allowed = {text: one for text in allow if (one := Allowed.parse(text)) and one.code == "drift"}
    left = tuple(one for one in found if not any(lets_pass(each, one) for each in allowed.values()))
    idle = tuple(text for text, each in allowed.items() if not any(lets_pass(each, one) for one in found))
    return left, idle


def lets_pass(allowed: Allowed, difference: Difference) -> bool:
    """Whether it is that difference; the name may be a glob, and may leave out the schema public."""
    names = (difference.object, difference.object.removeprefix("public."))
    return allowed.kind == difference.kind and any(fnmatchcase(name, allowed.name) for name in names)
