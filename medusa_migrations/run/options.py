"""How to run and revert: what was asked for, and the settings in place of what was not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self, TypedDict

from medusa_migrations import conf
from medusa_migrations.database.destination import Destination, FleetTarget, alias_of, destination
from medusa_migrations.database.interruption import Interruption
from medusa_migrations.events import Listener, ignore
from medusa_migrations.files.build import app_labels
from medusa_migrations.files.sources import package_labels
from medusa_migrations.migration import Direction, Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from medusa_migrations.database.history import History
    from medusa_migrations.plan.forwards import Forwards


class Execution(TypedDict, total=False):
    """How `run` and `revert` work. What is left out, or None, is as the settings say.

    `fake` writes the history only. `transaction` is "all", "each" or "none". `build` tells whether to build first.
    `wait` is how many seconds to wait for the server, by default none. `lock` False takes no lock; `lock_wait` is in
    seconds. `lock_timeout` and `statement_timeout` are PostgreSQL durations, and `retries` a number of further tries.
    `database` is an alias, and `target` a target of a fleet in its place. `applied_by` is by default the operating
    system's user. `listener` is told of every event, of who blocks in another thread. `interruption` stops the run.
    `expected` is the fingerprint of the plan that somebody was shown: under the lock, any other raises StalePlanError.
    """

    fake: bool
    transaction: str | None
    build: bool | None
    wait: float | None
    lock: bool
    lock_wait: float | None
    lock_timeout: str | None
    statement_timeout: str | None
    retries: int | None
    database: str
    target: FleetTarget | None
    applied_by: str | None
    listener: Listener
    interruption: Interruption | None
    expected: str | None


class Options(NamedTuple):
    """The fields are as those of Execution, with `transaction` called `mode`, and no setting left open.

    With `only_plan` nothing is carried out, and the result has the plan, with `with_sql` its SQL too. `command` is the
    one to run again where that is not the direction's own; only those have options for the rest. `guard` is SQL that
    fails where what a migration did must not be committed. `announce` tells whether signals and the log are told.
    `run` is the mark of what is applied, None for one of its own. `begin` is called once the lock is held, before the
    plan is made. With `is_due` something is known to be left to do: before the lock is held it is not looked whether
    there is.
    """

    database: str = "default"
    target: FleetTarget | None = None
    mode: str = "each"
    fake: bool = False
    build: bool | None = None
    wait: float = 0
    lock: bool = True
    lock_wait: float = 0
    lock_timeout: str | None = None
    statement_timeout: str | None = None
    retries: int = 0
    applied_by: str | None = None
    listener: Listener = ignore
    interruption: Interruption | None = None
    expected: str | None = None
    only_plan: bool = False
    with_sql: bool = False
    command: str = ""
    guard: str = ""
    announce: bool = True
    run: str | None = None
    begin: Callable[[History], None] | None = None
    is_due: bool = False

    @classmethod
    def chosen(cls, how: Execution, *, only_plan: bool = False, with_sql: bool = False, command: str = "") -> Self:
        """What was asked for, and today's settings for the rest. Raises SettingsError for a value that cannot be."""
        where = destination(how.get("database", "default"), how.get("target"))
        as_they_are = {name: how[name] for name in _WITHOUT_SETTING if name in how}  # type: ignore[literal-required]  # names of its own
        return cls(
            mode=conf.chosen("transaction", how.get("transaction")),
            wait=conf.seconds("wait", how.get("wait") or 0),
            lock_wait=conf.chosen("lock_wait", how.get("lock_wait")),
            lock_timeout=conf.chosen("lock_timeout", how.get("lock_timeout")),
            statement_timeout=conf.chosen("statement_timeout", how.get("statement_timeout")),
            retries=conf.chosen("retries", how.get("retries")),
            only_plan=only_plan,
            with_sql=with_sql,
            command=command,
            **as_they_are | {"database": alias_of(where)},
        )

    @property
    def where(self) -> Destination:
        """What it is about: the target, else the database."""
        return self.database if self.target is None else self.target

    def again(self, direction: Direction) -> str:
        """The command that goes on with a run that ended early."""
        return self.command or ("migrations_run" if direction is Direction.UP else "migrations_revert")

    def timeouts(self, command: str) -> str:
        """SQL that sets the timeouts with `command`, SET or SET LOCAL."""
        given = {"lock_timeout": self.lock_timeout, "statement_timeout": self.statement_timeout}
        return "".join(f"{command} {name} = '{value}';" for name, value in given.items() if value is not None)


def forwards(
    app: str | None = None,
    to: str | None = None,
    strict: bool | None = None,
    phase: Phase | None = None,
    *,
    fake: bool = False,
) -> Forwards:
    """All that is pending, of `app`, up to `to`; late arrivals stop it if `strict`, by default as OUT_OF_ORDER says.

    The packages that are installed may bring some at any time. In the `phase` before, it is without what waits for the
    new code. With `fake` it is only recorded. Raises SettingsError for what is no phase.
    """
    from medusa_migrations.plan.forwards import Forwards  # a revert does without

    if strict is None:
        strict = conf.get_settings().out_of_order == "error"
    exempt = package_labels() if strict else ()
    return Forwards(app, to, app_labels(), strict, exempt, None if phase is None else conf.phase(phase), fake)


_WITHOUT_SETTING = ("database", "target", "fake", "build", "lock", "applied_by", "listener", "interruption", "expected")
