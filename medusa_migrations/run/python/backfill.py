"""Many rows changed in batches by the primary key, each committed together with the key that it reached."""

from __future__ import annotations

import functools
import itertools
import json
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Self

from medusa_migrations.events import Progressed, Remarked
from medusa_migrations.messages import N_, joined
from medusa_migrations.run.shared import Run
from medusa_migrations.run.task import Task
from medusa_migrations.schema.operations import Backfill
from medusa_migrations.schema.target import Target
from medusa_migrations.schema.update_sql import set_and_where
from medusa_migrations.sql.names import quoted_table

# Seconds that a batch should take at most: so long nobody else can change its rows.
LONGEST_BATCH = 0.5

# Rows may be written faster than they are changed; then somebody has to see to that first.
SWEEPS = 5

# The columns of the primary key, and whether PostgreSQL's own operators order each, or an extension's, as citext's.
_KEY = """
SELECT pg_catalog.quote_ident(a.attname), pg_catalog.format_type(a.atttypid, a.atttypmod),
    o.opcnamespace = 'pg_catalog'::regnamespace::oid
FROM pg_catalog.pg_index i
CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[k.position - 1]
WHERE i.indrelid = pg_catalog.to_regclass(%s)::oid AND i.indisprimary AND k.position <= i.indnkeyatts
ORDER BY k.position
"""


@dataclass(frozen=True, slots=True)
class Work:
    """What to change: `table` as SQL writes it, `set` and `where` as SQL, at most `batch` rows at a time.

    `name` is the table's name as the migration writes it, `pause` the seconds to wait between two batches. `checksum`
    is that of `set` and `where`, without the moments among their values, which may differ from run to run.
    """

    name: str
    table: str
    set: str
    where: str
    batch: int
    pause: float
    checksum: str

    @classmethod
    def of(cls, target: Target, asked: Backfill) -> Self:
        """The work that the call `asked` of a migration means.

        Raises ValueError for a batch below 1 or a negative pause, LookupError if there is no such table.
        """
        if asked.batch < 1 or asked.pause < 0:
            raise ValueError("batch is at least 1, and pause at least 0 seconds")
        set_, where, checksum = set_and_where(target, asked)
        return cls(asked.table, quoted_table(asked.table), set_, where, asked.batch, asked.pause, checksum)


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a backfill has come, as its migration's row in the history keeps it (JSON, with these names).

    `text` is the checksum of its work. `after` is the last key that was reached, each column as text, None before the
    first; `rows` were looked at, `changed` of them changed. `matches_again` tells that a changed row still matches
    `where`, so that nothing tells what is left to do. `sweep` counts how often all rows were gone through.
    """

    text: str
    after: list[str] | None = None
    rows: int = 0
    changed: int = 0
    matches_again: bool = False
    sweep: int = 0
    is_done: bool = False


class Backfills:
    """The backfills of one migration. Its history row keeps how far each has come, by the table's name and a number.

    A backfill of an earlier run is found again by its checksum, not by its place: another run may make other calls
    before it.
    """

    def __init__(self, run: Run, task: Task) -> None:
        self.run, self.task = run, task
        self.asked: set[str] = set()  # the names of those that this run has come to
        self.known: dict[str, Reached] = {}

    def reached(self) -> str:
        """Where the next run goes on, as the end of a sentence; empty if no backfill is in the middle."""
        unfinished = [
            N_("{name} ({rows:,} rows)", name=name, rows=one.rows)
            for name, one in self.known.items()
            if one.rows and not one.is_done
        ]
        return N_(", and goes on with the backfill of {names}", names=joined(", ", unfinished)) if unfinished else ""

    def read(self) -> None:
        """Read from the history how far each backfill has come."""
        rows = self.run.session.query(
            f"SELECT progress ->> 'backfills'::text FROM {self.run.history.table}"
            " WHERE app::text = %s AND name::text = %s",
            list(self.task.id),
        )
        self.known = {name: Reached(**one) for name, one in json.loads(rows[0][0] or "{}").items()}

    def carry_out(self, work: Work) -> int:
        """Do `work`, or what is left of it, and give the number of rows changed, those of earlier runs included.

        Raises django.db.Error, StopRequested, and ValueError for a table without a primary key, for a `set` that
        changes the key, and for a backfill that was begun with another `set` or `where`.
        """
        name = self._name(work)
        self.asked.add(name)
        if not self.known.setdefault(name, Reached(work.checksum)).is_done:
            _Backfill(self, work, name).carry_out()
        return self.known[name].changed

    def _name(self, work: Work) -> str:
        """The name of an earlier run's backfill with the same checksum that this run has not come to; else a new name.

        Raises ValueError if one of the table is in the middle with another checksum.
        """
        others = {
            name: one
            for name, one in self.known.items()
            if name.partition(" #")[0] == work.name and name not in self.asked
        }
        for name, other in others.items():
            if other.text == work.checksum:
                return name
        for name, other in others.items():
            if other.rows and not other.is_done:
                raise ValueError(
                    f"the backfill of {name} has come to {other.rows:,} rows with another `set` or `where`. Bring that "
                    "back as it was to go on there; or, to begin again at the first row, forget what was done with "
                    f"migrations_repair --mark-reverted {self.task.id}"
                )
            if not other.is_done:
                del self.known[name]  # it has not come to any row
        numbered = (f"{work.name} #{number}" for number in itertools.count(2))
        return next(name for name in itertools.chain([work.name], numbered) if name not in self.known)

    def record(self) -> str:
        """The SQL that writes into the history how far each backfill has come."""
        progress = json.dumps({"backfills": {name: asdict(one) for name, one in self.known.items()}})
        return self.run.history.update(self.task.id, progress=progress)


class _Backfill:
    """One backfill under way: its key, its size of batch and its progress. Raises ValueError for no primary key."""

    def __init__(self, all_of_them: Backfills, work: Work, name: str) -> None:
        self.backfills, self.work, self.name = all_of_them, work, name
        self.run, self.id = all_of_them.run, all_of_them.task.id
        self.session, self.tell = self.run.session, self.run.tell
        self.total, self.key, self.is_ordered_by_own = 0, list[tuple[str, str]](), False
        self.run.retries.run_queries(self._look, self.id)
        if not self.key:
            raise ValueError(f"{work.name} has no primary key, by which backfill goes")
        self.columns = ", ".join(name for name, _ in self.key)
        self.size = work.batch
        self.begun, self.rows_before = time.monotonic(), self.reached.rows

    @property
    def reached(self) -> Reached:
        return self.backfills.known[self.name]

    def _look(self) -> None:
        """Read the number of rows, which the planner estimates at no cost, and the columns of the primary key."""
        plan = self.session.query(f"EXPLAIN SELECT FROM {self.work.table}")[0][0]
        estimate = re.search(r"rows=(\d+)", plan)
        self.total = int(estimate[1]) if estimate else 0
        found = self.session.query(_KEY, [self.work.table])
        self.key = [(name, type_) for name, type_, _ in found]
        self.is_ordered_by_own = all(is_own for *_, is_own in found)

    def carry_out(self) -> None:
        if self.reached.rows:
            rows = self.reached.rows
            text = N_("The backfill of {name} goes on after {rows:,} rows.", name=self.name, rows=rows)
            self.tell(Remarked(text))
        while not self.reached.is_done:
            before = self.reached.changed
            while self._retried():
                self._progress()
                self.session.interruption.wait(self.work.pause)
            changes = self.reached.changed > before
            self.run.retries.run_queries(functools.partial(self._end_of_pass, changes=changes), self.id)
        self._progress()

    def _end_of_pass(self, *, changes: bool) -> None:
        """Note that all keys were gone through: the backfill is done unless rows that match were written meanwhile."""
        reached = self.reached
        is_left = bool(self.work.where) and not reached.matches_again and self._is_left()
        is_last = reached.sweep >= SWEEPS or (reached.sweep > 0 and not changes)
        if is_left and is_last:
            table = self.work.name
            text = N_("Rows of {table} still match `where`: something keeps them so. See to that.", table=table)
            self.tell(Remarked(text))
        self._advance("BEGIN;", replace(reached, sweep=reached.sweep + 1, after=None, is_done=is_last or not is_left))

    def _is_left(self) -> bool:
        query = f"SELECT EXISTS (SELECT FROM {self.work.table} WHERE ({self.work.where}\n))"
        return bool(self.session.query(query)[0][0])

    def _advance(self, begin: str, reached: Reached) -> None:
        """Commit the open transaction together with `reached`; `begin` is the SQL that opens one, if none is open."""
        before = self.reached
        self.backfills.known[self.name] = reached
        try:
            record = self.run.sql.as_ourselves + self.run.check + self.backfills.record()
            self.session.execute(f"{begin}{record}COMMIT")
        except BaseException:
            self.backfills.known[self.name] = before
            raise

    def _retried(self) -> bool:
        """Change one batch, trying again where that may help; tells whether there was one."""
        found = False

        def attempt() -> None:
            nonlocal found
            found = self._batch()

        self.run.retries.run_queries(attempt, self.id)
        return found

    def _batch(self) -> bool:
        last, rows = self._next_key()
        if last is None:
            return False
        begun = time.monotonic()
        # A server that crashes loses a batch together with its key, so none need wait for the disk but the last.
        self.session.execute("BEGIN; SET LOCAL synchronous_commit = off")
        changed, again, moved = self.session.query(self._update(last))[0]
        if moved:
            self.session.rollback()
            raise ValueError(f"`set` changes the primary key of {self.work.name}, by which backfill goes")
        reached = self.reached
        self._advance(
            "",
            replace(
                reached,
                after=last,
                rows=reached.rows + (0 if reached.sweep else rows),
                changed=reached.changed + changed,
                matches_again=reached.matches_again or bool(again),
            ),
        )
        self._resize(time.monotonic() - begun)
        return True

    def _resize(self, seconds: float) -> None:
        """Choose the size of the next batch by the `seconds` that this one took."""
        fitting = int(self.size * LONGEST_BATCH / max(seconds, 0.001))
        self.size = max(1, min(self.work.batch, fitting, self.size * 2))

    def _next_key(self) -> tuple[list[str] | None, int]:
        """The last key of the next batch, and how many rows it has; (None, 0) if there are none."""
        conditions = [self._compared(">", self.reached.after)] if self.reached.after else []
        if self.reached.sweep:
            conditions.append(f"({self.work.where}\n)")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        # The last one of each column; max() does not know every type that a key may have.
        last = ", ".join(f"(pg_catalog.array_agg({name}::text))[pg_catalog.count(*)]" for name, _ in self.key)
        *key, rows = self.session.query(
            f"SELECT {last}, pg_catalog.count(*) FROM (SELECT {self.columns} FROM {self.work.table}{where}"
            f" ORDER BY {self.columns} LIMIT {self.size}) batch"
        )[0]
        return (key, rows) if rows else (None, 0)

    def _update(self, last: Sequence[str]) -> str:
        batch = self._compared("<=", last)
        if self.reached.after:
            batch += f" AND {self._compared('>', self.reached.after)}"
        where, again = batch, "false"
        if self.work.where:
            where += f" AND ({self.work.where}\n)"
            again = f"COALESCE(({self.work.where}\n), false)"
        return (
            f"WITH changed AS (UPDATE {self.work.table} SET {self.work.set}\nWHERE {where}"
            f" RETURNING {again} AS again, NOT ({batch}) AS moved)"
            " SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE again),"
            " pg_catalog.count(*) FILTER (WHERE moved) FROM changed"
        )

    def _compared(self, operator: str, key: Sequence[str]) -> str:
        values = ", ".join(
            f"{self.session.compose('%s', [value])}::{type_}" for value, (_, type_) in zip(key, self.key, strict=True)
        )
        operator = f"OPERATOR(pg_catalog.{operator})" if self.is_ordered_by_own else operator
        return f"({self.columns}) {operator} ({values})"

    def _progress(self) -> None:
        seconds = time.monotonic() - self.begun
        rate = (self.reached.rows - self.rows_before) / max(seconds, 0.001)
        total = self.reached.rows if self.reached.is_done else max(self.total, self.reached.rows)
        self.tell(
            Progressed(
                self.id,
                self.work.name,
                self.reached.rows,
                total,
                rate,
                (total - self.reached.rows) / rate if rate else 0,
                self.reached.is_done,
            )
        )
