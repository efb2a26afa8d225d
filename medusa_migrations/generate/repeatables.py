"""The repeatable migrations that make what stands on what changes, so that the new file can have them go before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from medusa_migrations.files.dist import read_part
from medusa_migrations.migration import MigrationId
from medusa_migrations.plan.known import Known
from medusa_migrations.sql.makes import made_names
from medusa_migrations.sql.names import folded
from medusa_migrations.sql.tokens import is_name, tokens

from .dependents import Standing


class Makers(NamedTuple):
    """The applied repeatable migrations that make what stands in the way, and what none of them makes."""

    ids: tuple[MigrationId, ...]
    others: tuple[Standing, ...]


def makers_of(standing: Sequence[Standing], known: Known) -> Makers:
    """Who makes what is `standing`, to judge by the names in the files. Raises DistError for one that is changed."""
    if not standing:
        return Makers((), ())
    made = {
        one.id: made_names(read_part(one, one.up))
        for one in known.migrations
        if one.is_repeatable and known.is_applied(one.id)
    }
    found = {one: [id_ for id_, names in made.items() if _name(one.identity) in names] for one in standing}
    ids = dict.fromkeys(id_ for maker in found.values() for id_ in maker)
    return Makers(tuple(ids), tuple(one for one, maker in found.items() if not maker))


def _name(identity: str) -> str:
    """The name, without schema, of `titles`, `public.length_of(text)` or `log on public.post`."""
    names = list(_up_to_name(tokens(identity)))
    return folded(names[-1]) if names else ""


def _up_to_name(written: Iterable[str]) -> Iterable[str]:
    for token in written:
        if token in ("(", "on"):
            return
        if is_name(token):
            yield token
