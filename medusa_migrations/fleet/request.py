"""What a run of a fleet is asked for, and who watches it."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from typing import Any, NamedTuple, Protocol

from medusa_migrations.database.destination import FleetTarget
from medusa_migrations.database.history import user
from medusa_migrations.database.interruption import Interruption
from medusa_migrations.engines.engine import Engine
from medusa_migrations.errors import PlanError
from medusa_migrations.events import Event
from medusa_migrations.files.build import app_labels, to_run
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, Phase
from medusa_migrations.plan.backwards import Backwards
from medusa_migrations.plan.forwards import Forwards
from medusa_migrations.run.options import Execution, Options, forwards

from . import ledger
from .ledger import Wanted
from .results import TargetResult
from .stages import Canary, Limits, Slice, selected
from .survey import Asked
from .targets import canary_of, chosen, engine_of, limits_of, setting


class Watcher(Protocol):
    """Told how far a run is, from any thread."""

    def expects(self, total: int) -> None:
        """So many targets have something to do."""

    def began(self, name: str) -> None:
        """A target is under way."""

    def ended(self, target: TargetResult) -> None:
        """What became of it."""

    def told(self, name: str, event: Event) -> None:
        """Something happens on it."""

    def alert(self, text: str) -> None:
        """Something that somebody should know of."""


class Nobody:
    """Watches nothing."""

    def expects(self, total: int) -> None: ...
    def began(self, name: str) -> None: ...
    def ended(self, target: TargetResult) -> None: ...
    def told(self, name: str, event: Event) -> None: ...
    def alert(self, text: str) -> None: ...


class FleetExecution(Execution, total=False):
    """How a fleet is run, or reverted, beside what is said of each target; `database`, `target`, `expected` are none.

    `only` and `without` are globs of targets' names. `jobs` is how many are under way at once, `canary` and
    `max_failures` are as the settings CANARY and MAX_FAILURES, each in place of the fleet's. With `canary_only` the
    others are left. With `new` an unfinished run is closed, and another begun. `engine` is the name of what delivers
    the targets to workers, in place of the fleet's, "none" for nothing. With a `slice` as "2/5" this is one of so many
    processes that share a run, and does its part. `watcher` is told how far it is,
    `listener` of the build alone.
    """

    only: Sequence[str]
    without: Sequence[str]
    jobs: int | None
    canary: object
    canary_only: bool
    max_failures: object
    new: bool
    engine: str | None
    slice: str | None
    watcher: Watcher | None


class Request(NamedTuple):
    """What is `asked` of a `fleet`, and how: as FleetExecution says, with `options` those of each target's run.

    `said` is what a run that is resumed must be asked for too, as JSON has it.
    """

    fleet: str
    asked: Asked
    options: Options
    limits: Limits
    canary: Canary
    canary_only: bool
    only: Sequence[str]
    without: Sequence[str]
    new: bool
    engine: Engine | None
    slice: Slice | None
    said: dict[str, Any]
    interruption: Interruption
    watcher: Watcher

    @property
    def direction(self) -> Direction:
        return self.asked.wanted.direction

    def of(self, every: Sequence[FleetTarget]) -> list[FleetTarget]:
        """Those of all targets that are meant, in their order. Raises PlanError."""
        names = set(selected([one.name for one in every], self.only, self.without))
        return [one for one in every if one.name in names]

    def wanted(self, total: int) -> Wanted:
        """The run as the ledger has it, of a fleet of so many targets."""
        by = self.options.applied_by or user()
        return Wanted(self.fleet, str(self.direction), self.asked.build, self.said, by, total)


def upwards(
    fleet: str | None,
    to: str | None,
    phase: Phase | None,
    strict: bool | None,
    how: FleetExecution,
    *,
    only_plan: bool = False,
    with_sql: bool = False,
) -> Request:
    """A run of all that is pending, up to `to`. Raises SettingsError, and what a build raises."""
    name = chosen(fleet)
    part = f" --slice {how['slice']}" if how.get("slice") else ""
    options = _options(how, f"migrations_fleet run {quote(name)}{part}", only_plan, with_sql)
    wanted = forwards(None, to, strict, phase, fake=options.fake)
    said = {"to": to, "phase": phase, "strict": wanted.strict}
    return _request(name, wanted, options, said, how)


def downwards(
    fleet: str | None, run: int, how: FleetExecution, *, only_plan: bool = False, with_sql: bool = False
) -> Request:
    """A revert of what a run of the fleet has applied. Raises PlanError for one that there is none of, and as above."""
    name = chosen(fleet)
    found = ledger.shown(setting(name).control, run)[0]
    if found.fleet != name or found.direction != Direction.UP:
        raise PlanError(
            N_(
                "Run {run} is one of the fleet {fleet!r} that goes {direction}. What can be reverted here is one of "
                "{name!r} that goes up: migrations_fleet runs {name} lists them. Nothing was reverted.",
                run=run,
                fleet=found.fleet,
                direction=found.direction,
                name=name,
            )
        )
    options = _options(how, f"migrations_fleet revert {quote(name)} --run {run}", only_plan, with_sql)
    wanted = Backwards(labels=app_labels(), fake=options.fake, run=found.mark)
    request = _request(name, wanted, options, {"run": run}, how)
    return request._replace(new=request.new or found.ended_at is None)  # to revert it is to give it up


def _options(how: FleetExecution, command: str, only_plan: bool, with_sql: bool) -> Options:
    if how.get("database", "default") != "default" or how.get("target") or how.get("expected"):
        raise PlanError(N_("A run of a fleet takes no database, target or expected: only and without choose targets."))
    given: Execution = {name: how[name] for name in Execution.__annotations__ if name in how}  # type: ignore[literal-required,assignment]  # names of its own
    return Options.chosen(given, only_plan=only_plan or with_sql, with_sql=with_sql, command=command)


def _request(
    fleet: str, wanted: Forwards | Backwards, options: Options, said: dict[str, Any], how: FleetExecution
) -> Request:
    limits = limits_of(fleet, how.get("jobs"), how.get("max_failures"))
    canary = canary_of(fleet, how.get("canary"))
    migrations = to_run(only_plan=options.only_plan, build_first=options.build, listener=options.listener)
    only, without = tuple(how.get("only", ())), tuple(how.get("without", ()))
    canary_only = how.get("canary_only", False)
    part = Slice.parse(given) if (given := how.get("slice")) is not None else None
    engine = None if options.only_plan else engine_of(fleet, how.get("engine"))
    _refuse_unfit(engine, part, options, how)
    said |= {
        "transaction": options.mode,
        "fake": options.fake,
        "only": list(only),
        "except": list(without),
        "canary_only": canary_only,
        "slices": part and part.of,
    }
    return Request(
        fleet,
        Asked(wanted, migrations, options.mode, options.fake),
        options,
        limits,
        canary,
        canary_only,
        only,
        without,
        how.get("new", False),
        engine,
        part,
        {name: value for name, value in said.items() if value},
        options.interruption or Interruption(),
        how.get("watcher") or Nobody(),
    )


def _refuse_unfit(engine: Engine | None, part: Slice | None, options: Options, how: FleetExecution) -> None:
    """Raise PlanError for options that cannot go together."""
    if engine and part:
        raise PlanError(
            N_(
                "--slice shares a run among processes that are started for it, and the engine {engine!r} among "
                "workers. Nothing was run. Use one of them: --engine none goes with --slice.",
                engine=engine.name,
            )
        )
    if engine and not options.lock:
        raise PlanError(N_("--no-lock cannot go with an engine, which may deliver a target twice. Nothing was run."))
    if part and how.get("new") and part.number != 1:
        raise PlanError(
            N_(
                "--new is for the first of the processes, --slice 1/{count}, and the others join its run.",
                count=part.of,
            )
        )
