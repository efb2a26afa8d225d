"""What a fact looks like once PostgreSQL has read its own print of it: an expression is printed otherwise then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medusa_migrations.plan.alike import COLUMN, Line
from medusa_migrations.sql.names import quoted

# What the names begin with of what is made only to see its print; a number follows.
AGAIN = "medusa_migrations_again"


def remaking(line: Line, number: int, lines: Sequence[Line]) -> str | None:
    """SQL that makes what `line` prints, under the name with that `number`; None for what prints alike every time.

    `lines` are those of what it is made beside.
    """
    table, text, name = quoted(line.object), line.text, f"{AGAIN}_{number}"
    match line.part:
        case "constraint" if text.startswith(("CHECK", "EXCLUDE")):
            return f"ALTER TABLE {table} ADD CONSTRAINT {name} {text}"
        case "index":
            return f"CREATE {text.replace('INDEX', f'INDEX {name}', 1)}"
        case "default":
            return f"ALTER TABLE {table} ALTER COLUMN {quoted(line.name)} SET DEFAULT {text}"
        case "generated":
            expression, _, kind = text.rpartition(" ")
            types = [one.text for one in lines if one[:3] == (line.object, COLUMN, line.name)]
            made = [f"ADD COLUMN {name} {type_} GENERATED ALWAYS AS ({expression}) {kind}" for type_ in types]
            return f"ALTER TABLE {table} {made[0]}" if made else None
        case "query":
            return f"CREATE VIEW {name} AS {text.rstrip(';')}"
    return None


def remade(lines: Sequence[Line], found: Iterable[Line]) -> dict[Line, Line]:
    """For each of `lines` that `remaking` has made, by its place, itself with the text that `found` has for it."""
    texts = {one[:3]: one.text for one in found}
    made = {line: texts.get(_place(line, number)) for number, line in enumerate(lines)}
    return {line: line._replace(text=text) for line, text in made.items() if text is not None}


def _place(line: Line, number: int) -> tuple[str, str, str]:
    """The object, the part and the name under which `remaking` has made `line`."""
    name = f"{AGAIN}_{number}"
    if line.part == "query":
        return name, line.part, ""
    return line.object, line.part, line.name if line.part == "default" else name
