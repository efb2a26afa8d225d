"""What a generated part consists of, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto


class Phase(IntEnum):
    """The order of statements. What loses data comes last: there is one place before it to copy that by hand."""

    MAKE_ROOM = auto()
    RENAME = auto()
    DROP_FOREIGN_KEY = auto()
    DROP_CONSTRAINT = auto()
    DROP_GENERATED = auto()
    DROP_UNCASTABLE = auto()
    CREATE_TABLE = auto()
    ADD_COLUMN = auto()
    ALTER_COLUMN = auto()
    ADD_GENERATED = auto()
    ADD_CONSTRAINT = auto()
    ADD_INDEX = auto()
    ADD_FOREIGN_KEY = auto()
    COMMENT = auto()
    DROP_COLUMN = auto()
    DROP_TABLE = auto()


@dataclass(frozen=True, slots=True)
class DraftStatement:
    """One statement, without its semicolon. `loses` says which data is lost, `note` what somebody should look at."""

    phase: Phase
    sql: str
    loses: str = ""
    note: str = ""
