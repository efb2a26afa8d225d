"""What a fact looks like once PostgreSQL has read its own print of it: an expression is printed otherwise then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medusa_migrations.plan.alike import COLUMN, Line
from medusa_migrations.sql.names import quoted

# The name of what is made only to see its print.
AGAIN = "medusa_migrations_again"


def remaking(line: Line, lines: Sequence[Line]) -> str | None:
    """SQL that makes under the name AGAIN what `line` prints; None for what prints alike every time.

    `lines` are those of what it is made beside.
    """
    table, text = quoted(line.object), line.text
    match line.part:
        case "constraint" if text.startswith(("CHECK", "EXCLUDE")):
            return f"ALTER TABLE {table} ADD CONSTRAINT {AGAIN} {text}"
        case "index":
            return f"CREATE {text.replace('INDEX', f'INDEX {AGAIN}', 1)}"
        case "default":
            return f"ALTER TABLE {table} ALTER COLUMN {quoted(line.name)} SET DEFAULT {text}"
        case "generated":
            expression, _, kind = text.rpartition(" ")
            types = [one.text for one in lines if one[:3] == (line.object, COLUMN, line.name)]
            made = [f"ADD COLUMN {AGAIN} {type_} GENERATED ALWAYS AS ({expression}) {kind}" for type_ in types]
            return f"ALTER TABLE {table} {made[0]}" if made else None
        case "query":
            return f"CREATE VIEW {AGAIN} AS {text}"
    return None


def remade(line: Line, lines: Iterable[Line]) -> str | None:
    """The print of what `remaking` has made for `line`, among `lines`."""
    of = AGAIN if line.part == "query" else line.object
    names = {AGAIN} if line.part not in ("default", "query") else {line.name}
    return next((one.text for one in lines if one.object == of and one.part == line.part and one.name in names), None)
