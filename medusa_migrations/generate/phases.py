"""What the parts of a draft consist of: statements, each in a phase that says when it runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto


class Phase(IntEnum):
    """The order of statements. What loses data comes last, so that there is one place to save that by hand first."""

    DROP_FOREIGN_KEY = auto()
    MAKE_ROOM = auto()
    RENAME = auto()
    DROP_CONSTRAINT = auto()
    DROP_GENERATED = auto()
    DROP_UNCASTABLE = auto()
    CREATE_SEQUENCE = auto()
    CREATE_TABLE = auto()
    ADD_COLUMN = auto()
    BEFORE_RETYPE = auto()
    RETYPE = auto()
    ALTER_COLUMN = auto()
    ADD_GENERATED = auto()
    ADD_CONSTRAINT = auto()
    ADD_INDEX = auto()
    ADD_FOREIGN_KEY = auto()
    DROP_INDEX = auto()
    COMMENT = auto()
    DROP_COLUMN = auto()
    DROP_TABLE = auto()


@dataclass(frozen=True, slots=True)
class DraftStatement:
    """One statement of a draft, without its semicolon.

    `loses` says which data it loses, `note` what somebody should look at; both are empty if there is nothing to say.
    `findings` are what lint calls an error of it, each with its code; `allows` is what lint would find, though nobody
    has to wait, as `migrate:allow` takes it.
    `retypes` is the table of which it gives a column a new type, and then it may be joined with others.
    `is_unfinished` tells that rows may need something written in that nobody but a person knows. `is_only_way` tells
    that there is no other way for it that would keep others waiting less.
    """

    phase: Phase
    sql: str
    loses: str = ""
    note: str = ""
    findings: tuple[str, ...] = ()
    allows: str = ""
    retypes: str = ""
    is_unfinished: bool = False
    is_only_way: bool = False

    @property
    def rewrites(self) -> tuple[str, ...]:
        """Those of its findings that tell of a table that is written anew."""
        return tuple(text for text in self.findings if text.startswith("rewrite:"))
