"""What to do where a repeatable migration fails, or is in the way of another."""

from __future__ import annotations

from collections.abc import Sequence

from medusa_migrations.database.postgresql import (
    DEPENDENT_OBJECTS_STILL_EXIST,
    DUPLICATES,
    FEATURE_NOT_SUPPORTED,
    INVALID_FUNCTION_DEFINITION,
    INVALID_TABLE_DEFINITION,
)
from medusa_migrations.files.build import source_ids
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, MigrationId

# What a CREATE OR REPLACE meets that cannot take the place of what is there, or a plain CREATE.
_CANNOT_REPLACE = {INVALID_TABLE_DEFINITION, INVALID_FUNCTION_DEFINITION, *DUPLICATES}
_OF_ANOTHER = N_(
    "If it is of another, whose file is gone, undo that first: migrations_revert --missing. If the history knows "
    "nothing of it, replace has nothing to undo: write DROP ... IF EXISTS above the CREATE. "
)

# What a DROP meets, and an ALTER of the type of a column under a view.
_STANDS_IN_THE_WAY = {DEPENDENT_OBJECTS_STILL_EXIST, FEATURE_NOT_SUPPORTED}

_NAMED = 5


def cure(id_: MigrationId, direction: Direction, sqlstate: str | None, again: str, *, in_python: bool) -> str:
    """What to do about an error of `id_` that has to do with repeatable migrations, empty if it has not."""
    if id_.is_repeatable and direction is Direction.UP and sqlstate in _CANNOT_REPLACE:
        return N_(
            "It cannot take the place of what is there. Write `-- migrate:replace` into its header, and a down part "
            "that drops it: then that is sent first, and what depends on it by `-- migrate:depends` is made again too. "
            "{of_another}Build, and {again}.",
            of_another=_OF_ANOTHER if sqlstate in DUPLICATES else "",
            again=again,
        )
    if id_.is_repeatable and direction is Direction.UP and sqlstate == DEPENDENT_OBJECTS_STILL_EXIST:
        return N_(
            "Something stands on it that stays. If a repeatable migration makes that, its header has to say `-- "
            "migrate:depends {id}`. What a table stands on can only be replaced by OR REPLACE, without "
            "migrate:replace. Build, and {again}.",
            id=id_,
            again=again,
        )
    others = [one for one in source_ids() if one.is_repeatable] if sqlstate in _STANDS_IN_THE_WAY else []
    if id_.is_repeatable or not others:
        return ""
    return _out_of_the_way(id_, direction, others, again, in_python=in_python)


def _out_of_the_way(
    id_: MigrationId, direction: Direction, others: Sequence[MigrationId], again: str, *, in_python: bool
) -> str:
    names: str = ", ".join(map(str, others[:_NAMED]))
    if len(others) > _NAMED:
        names = N_("{names} or another", names=names)
    if direction is Direction.UP:
        where = N_("do this in a migration in SQL, and write above its") if in_python else N_("write above the")
        return N_(
            "If a repeatable migration makes what stands on it ({names}), {where} up part `-- migrate:drops ID`: then "
            "that goes first, and is made again at the end of the run. Build, and {again}.",
            names=names,
            where=where,
            again=again,
        )
    return N_(
        "If a repeatable migration makes what stands on it ({names}), have its header say `-- migrate:depends {id}`: "
        "then it goes first. Build, and {again}.",
        names=names,
        id=id_,
        again=again,
    )
