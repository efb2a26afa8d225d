"""The pieces of text that a safe way is made of: parts in our file format, and the statements in them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from medusa_migrations.migration import Direction
from medusa_migrations.sql.names import folded, quoted
from medusa_migrations.sql.tokens import tokens

# What needs no quotes, key words apart: a name that is made here ends with a word that is none.
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_CREATE_INDEX = re.compile(r"CREATE (UNIQUE )?INDEX ")
_PUBLIC = re.compile(r" ON (ONLY )?public\.")

_QUOTED = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")""")
_VALUE = re.compile(r"\bVALUE\b")

# What each of several migrations is.
FILL = "A migration in Python, which fills the rows in batches"
THIS = "This migration"
THEN = "A migration behind it"

# The line of a header that holds a migration back until the new code is live.
AFTER = "-- migrate:phase after"

# How long a name may be.
_LENGTH = 63


def part(*statements: str, marker: str = "-- migrate:up transaction:false") -> str:
    """A part, by default one in which each statement is a transaction of its own."""
    return "\n".join([marker, *(f"{one.rstrip('; ')};" for one in statements)])


def in_transaction(*statements: str) -> str:
    """An ordinary part."""
    return part(*statements, marker="-- migrate:up")


def in_part(text: str, direction: Direction) -> str:
    """A safe way, which is written for an up part, for one of `direction`: what is reverted has no phase."""
    if direction is Direction.UP:
        return text
    return text.replace(f"{AFTER}\n", "").replace("-- migrate:up", f"-- migrate:{direction}")


def later(part: str) -> str:
    """A migration with that part for when the new code is live."""
    return f"{AFTER}\n{part}"


def steps(*texts: tuple[str, str]) -> str:
    """Several migrations one after the other, each with what it is."""
    return "\n\n".join(f"-- {number}. {title}:\n{text}" for number, (title, text) in enumerate(texts, 1))


def backfill(table: str, sets: str, where: str) -> str:
    """A migration in Python that changes rows in batches."""
    condition = f", where={_text(where)}" if where else ""
    return (
        "transaction = False\n\n\ndef up(schema: Schema) -> None:\n"
        f"    schema.backfill({_text(table)}, set={_text(sets)}{condition})"
    )


def _text(value: str) -> str:
    """A constant of Python in double quotes."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def alter(table: str, action: str) -> str:
    """An ALTER TABLE."""
    return f"ALTER TABLE {table} {action}"


def made_name(*names: str) -> str:
    """A name made of others, in quotes where it needs them."""
    plain = "_".join(folded(tokens(name)[-1]) for name in names)
    plain = plain.encode()[:_LENGTH].decode(errors="ignore")
    return plain if _PLAIN.fullmatch(plain) else quoted(plain)


def schema_of(name: str) -> str:
    """The schema of a table's name as SQL writes it, "" for `public`."""
    found = tokens(name)
    return found[0] if len(found) > 1 else ""


def concurrently(definition: str) -> str:
    """The CREATE INDEX of the catalog, made not to lock out writes."""
    return without_public(_CREATE_INDEX.sub(lambda found: f"{found[0]}CONCURRENTLY ", definition, count=1))


def without_public(definition: str) -> str:
    """The CREATE INDEX of the catalog without the schema `public`."""
    return _PUBLIC.sub(r" ON \1", definition, count=1)


def not_null(table: str, columns: Sequence[str]) -> list[str]:
    """Statements that make columns NOT NULL: what is proven by a CHECK is not read again."""
    found = []
    for column in columns:
        name = made_name(table, column, "is_set")
        found += [
            alter(table, f"ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL) NOT VALID"),
            alter(table, f"VALIDATE CONSTRAINT {name}"),
            alter(table, f"ALTER COLUMN {column} SET NOT NULL"),
            alter(table, f"DROP CONSTRAINT {name}"),
        ]
    return found


def in_place_of_value(check: str, column: str) -> str:
    """The CHECK of a domain as one of a table: the column stands for VALUE."""
    pieces = _QUOTED.split(check)
    return "".join(piece if at % 2 else _VALUE.sub(lambda _: column, piece) for at, piece in enumerate(pieces))


def checked_later(table: str, name: str, definition: str) -> list[str]:
    """Statements that add a CHECK or a foreign key, and read the rows under a lock that lets others write."""
    definition = definition.removesuffix(" NOT VALID")
    return [alter(table, f"ADD CONSTRAINT {name} {definition} NOT VALID"), alter(table, f"VALIDATE CONSTRAINT {name}")]
