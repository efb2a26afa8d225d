"""What the runner is handed: each step of the plan with its SQL, or its function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from medusa_migrations.errors import FileError, Location, locate
from medusa_migrations.files import dist
from medusa_migrations.files.dist import stored_down
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, MigrationId, Piece
from medusa_migrations.plan.known import Row
from medusa_migrations.plan.steps import Step

if TYPE_CHECKING:
    from medusa_migrations.schema.recorder import Function


class Script(NamedTuple):
    """The text of one part; `source` is the file, and `pieces` are where in `sql` its lines stand, for messages.

    It is SQL, or of a migration in Python all of the file. `stored_of` is the migration whose down part the history has
    it from, None for a file's.
    """

    id: MigrationId
    sql: str
    source: str
    pieces: tuple[Piece, ...]
    copies: bool = False
    stored_of: MigrationId | None = None

    def place(self, offset: int, *, column: bool = True) -> Location:
        """The place in the file of the character at `offset` of `sql`; behind the end of a piece it is that end."""
        piece = next(one for one in reversed(self.pieces) if one.start <= offset)
        offset = min(offset, piece.start + len(self.sql[piece.start : piece.end].rstrip()))
        first_line = piece.line - self.sql.count("\n", 0, piece.start)
        return locate(self.source, self.sql, offset, first_line=first_line, column=column)


class Undone(NamedTuple):
    """A repeatable migration that is undone for another: the script of its down part, which speaks for that one."""

    row: Row
    script: Script

    @property
    def id(self) -> MigrationId:
        return self.row.id


class Task(NamedTuple):
    """One migration to carry out.

    With `fake` only the history is written. `checksum` is the up part's, `down` what the history keeps of the other.
    `function` is what to call instead of sending the script, of a migration in Python. `undone` is sent before.
    `was_there` tells that only the history is written because what it makes is there.
    """

    step: Step
    script: Script
    transactional: bool
    fake: bool
    checksum: str = ""
    down: str | None = None
    function: Function | None = None
    undone: tuple[Undone, ...] = ()
    was_there: bool = False

    @property
    def id(self) -> MigrationId:
        return self.step.id

    @property
    def direction(self) -> Direction:
        return self.step.direction

    @property
    def row(self) -> Row | None:
        return self.step.row


def load_tasks(steps: Sequence[Step], mode: str, *, fake: bool = False) -> list[Task]:
    """Read the SQL of `steps`.

    Raises DistError if a file is not what was built, FileError for what cannot run with the transactions of `mode`.
    """
    return [_load(step, mode, fake or step.forgets) for step in steps]


def _load(step: Step, mode: str, fake: bool) -> Task:
    migration = step.migration
    is_up = step.direction is Direction.UP
    text = dist.read_text(migration) if migration and is_up else None  # once, for both parts
    script = Script(step.id, "", str(step.id), ()) if fake else read_script(step, text)
    if _is_put_outside(step, mode):
        _refuse_outside_block(script)
    return Task(
        step=step,
        script=script,
        transactional=fake or step.is_transactional(mode),
        fake=fake,
        checksum=migration.checksum if migration else "",
        down=stored_down(migration, text) if migration and is_up else None,
        function=None if fake else load_function(step, script),
        undone=() if fake else tuple(_undone(one, step) for one in step.undoes),
    )


def _undone(one: Step, step: Step) -> Undone:
    assert one.row is not None  # as of all that is undone
    return Undone(one.row, read_script(one)._replace(id=step.id))


def _is_put_outside(step: Step, mode: str) -> bool:
    """Whether a part in SQL that says nothing of transactions runs without one."""
    is_python = step.migration is not None and step.migration.is_python
    says_nothing = step.part is not None and step.part.transaction is None
    return mode == "none" and says_nothing and not is_python and not step.is_transactional(mode)


def _refuse_outside_block(script: Script) -> None:
    """Raise FileError for what a part would lose that says nothing of transactions, and is to run without."""
    from medusa_migrations.files.refused import outside_block  # few runs are without
    from medusa_migrations.sql.scanner import split

    found = outside_block(split(script.sql))
    if found:
        raise FileError(
            found[1],
            script.place(found[0].start),
            N_(
                "Nothing was run. Use --transaction each, or mark the part transaction:false and put BEGIN and COMMIT "
                "around what belongs together."
            ),
        )


def load_function(step: Step, script: Script) -> Function | None:
    """The function of a step of a migration in Python, None for SQL. Raises FileError if it cannot be imported.

    What the history has stored is SQL, also where a file in Python has taken the place of that which was applied.
    """
    if step.migration is None or not step.migration.is_python or step.stored is not None:
        return None
    from medusa_migrations.files.pyfile import load  # few runs need it, and it brings the migration API along

    return load(script.sql, script.source, step.migration.file, step.direction)


def read_script(step: Step, text: str | None = None) -> Script:
    """The text of `step`, from its file or from the history; `text` is the file's, None to read it.

    Raises DistError if the file is not what was built.
    """
    part, migration = step.part, step.migration
    assert part is not None  # plan/ refuses what is irreversible
    if step.stored is not None:
        text, source = step.stored, f"the stored down part of {step.id}"
    else:
        assert migration is not None
        text, source = dist.read_text(migration) if text is None else text, migration.source
    stored_of = step.id if step.stored is not None else None
    return Script(step.id, part.sql(text), source, part.pieces_of_sql(text), part.copies, stored_of)
