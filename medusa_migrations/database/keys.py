"""The SQL of the run lock: advisory locks, of a whole database or of one schema of it.

Advisory locks are per database, so every alias has its own. A run of a whole database holds its key for itself. A run
of one schema shares that key with others of its kind and holds the schema's for itself: so they exclude each other
where they are of one schema, and all of them and a run of the whole exclude each other.
"""

from __future__ import annotations

from typing import NamedTuple

from .postgresql import LOCK_KEY, identifier, literal

# The first of the two integers of a schema's key; the second is the number of the schema (pg_namespace.oid). It is none
# of the other keys of two integers: see REACHED_KEY.
SCHEMA_CLASS = LOCK_KEY >> 32

# What a run of the whole database holds while it waits, in place of a schema's number: meanwhile no run of a schema
# begins, or there might always be one.
WAITING = 0

# The text of these errors, which names the reason, is no integer. The server's process id is in it so that it is not
# evaluated when the statement is planned.
LOCK_LOST = "medusa_migrations: the run lock was freed"
SCHEMA_GONE = "medusa_migrations: the schema is another"

_TRY, _TRY_SHARED = "pg_catalog.pg_try_advisory_lock", "pg_catalog.pg_try_advisory_lock_shared"
_FREE, _FREE_SHARED = "pg_catalog.pg_advisory_unlock", "pg_catalog.pg_advisory_unlock_shared"
_QUEUE = f"({SCHEMA_CLASS}, {WAITING})"

# pg_locks shows a bigint key as two halves, with objsubid 1, and two integers with 2 (manual, 54.12).
_OF_DATABASE = f"l.objsubid = 1 AND l.classid = {LOCK_KEY >> 32}::oid AND l.objid = {LOCK_KEY & 0xFFFFFFFF}::oid"
_FOR_ITSELF = "l.mode = 'ExclusiveLock'"

_HOLDER = f"""
SELECT l.pid, a.application_name, pg_catalog.textsend(a.usename::text), a.client_addr, a.backend_start, a.query,
    (SELECT n.nspname::text FROM pg_catalog.pg_locks s JOIN pg_catalog.pg_namespace n ON n.oid = s.objid
     WHERE s.pid = l.pid AND s.locktype = 'advisory' AND s.granted AND s.objsubid = 2
       AND s.classid = {SCHEMA_CLASS}::oid AND s.database = l.database LIMIT 1),
    l.objsubid = 2 AND l.objid = {WAITING}::oid
FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND ({{}})
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
"""


class RunLock(NamedTuple):
    """The statements of one kind of lock.

    `take` gives whether it is had. It is had twice: giving one back and taking it again tells whether a migration has
    freed it, without reading pg_locks, which takes longer the more locks a transaction has. `held` is an expression
    that does that, and is 0 or an error. `at_work` asks who holds it, `in_the_way` who keeps others from it. `queue`
    has others not begin, and gives whether it does, until `leave`; both are empty where nobody is kept.
    """

    take: str
    free: str
    held: str
    at_work: str
    in_the_way: str
    queue: str = ""
    leave: str = ""

    @property
    def check(self) -> str:
        """A statement that fails if the lock is lost."""
        return f"SELECT {self.held};"


def _fails_with(text: str) -> str:
    return f"('{text} ' || pg_catalog.pg_backend_pid()::text)::pg_catalog.int4"


def _held(free: str, take: str) -> str:
    return f"COALESCE(CASE WHEN {free} THEN CASE WHEN {take} THEN 0 END END, {_fails_with(LOCK_LOST)})"


OF_DATABASE = RunLock(
    take=f"SELECT {_TRY}({LOCK_KEY}) AND {_TRY}({LOCK_KEY})",
    free=f"SELECT {_FREE}({LOCK_KEY}), {_FREE}({LOCK_KEY})",
    held=_held(f"{_FREE}({LOCK_KEY})", f"{_TRY}({LOCK_KEY})"),
    at_work=_HOLDER.format(f"{_OF_DATABASE} AND {_FOR_ITSELF}"),
    in_the_way=_HOLDER.format(_OF_DATABASE),
    queue=f"SELECT {_TRY}{_QUEUE}",
    leave=f"SELECT {_FREE}{_QUEUE}",
)


def of_schema(name: str, oid: int) -> RunLock:
    """That of the schema with that name and number: if it is dropped, and made again, the lock is lost."""
    own, shared = f"({SCHEMA_CLASS}, {_as_integer(oid)})", f"({LOCK_KEY})"
    both = f"{_TRY}{own} AND {_TRY_SHARED}{shared}"
    is_there = f"pg_catalog.to_regnamespace({literal(identifier(name))})::oid OPERATOR(pg_catalog.=) {oid}::oid"
    held = _held(f"{_FREE}{own} AND {_FREE_SHARED}{shared}", both)
    works = f"l.objsubid = 2 AND l.classid = {SCHEMA_CLASS}::oid AND l.objid = {oid}::oid"
    waits = f"l.objsubid = 2 AND l.classid = {SCHEMA_CLASS}::oid AND l.objid = {WAITING}::oid"
    return RunLock(
        take=(
            f"SELECT CASE WHEN pg_catalog.pg_try_advisory_xact_lock_shared{_QUEUE} AND {_TRY}{own}"
            f" THEN CASE WHEN {_TRY_SHARED}{shared} THEN {both} ELSE NOT {_FREE}{own} END ELSE false END"
        ),
        free=f"SELECT {', '.join([f'{_FREE}{own}', f'{_FREE_SHARED}{shared}'] * 2)}",
        held=f"CASE WHEN {is_there} THEN {held} ELSE {_fails_with(SCHEMA_GONE)} END",
        at_work=_HOLDER.format(works),
        in_the_way=_HOLDER.format(f"{works} OR {_FOR_ITSELF} AND ({_OF_DATABASE} OR {waits})"),
    )


def _as_integer(oid: int) -> int:
    """The number of an object as `oid::int4` has it."""
    return oid - (1 << 32) if oid >= 1 << 31 else oid
