"""Applying to all schemas, beside psql that writes a history too; and all of one new schema."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from ..tools.measure import Command, Taken, measure
from ..tools.server import Address
from ..tools.sql import up
from .goal import Goal, ratio, taken_in_turn
from .site import Site, names, with_history


def in_memory(site: Site, count: int, rounds: int) -> Iterator[Goal]:
    """To `count` schemas of a server whose data is in memory."""
    listed = site.write("schemas.txt", names(count))
    each = site.write("each.sql", [with_history(site.count)])

    def of_processes(name: str, address: Address) -> Command:
        return site.xargs(address, listed, "-c", "SET search_path = {}", "-f", each)[name]

    more = {name: partial(of_processes, name) for name in ("xargs psql", "xargs bare psql")}
    what = f"apply {site.count} x {count} schemas"
    results = _applied(site, what, count, rounds, more)
    what += ", in memory, beyond a command's start"
    yield ratio(what, results, "one psql", 1.15, start="start")
    yield ratio(what, results, "xargs psql", 0.4, start="start")


def on_disk(site: Site, count: int, rounds: int) -> Iterator[Goal]:
    """To `count` schemas of a server that waits for its disk."""
    what = f"apply {site.count} x {count} schemas, on disk"
    results = _applied(site, what, count, rounds, {})
    yield ratio(f"{what}, beyond a command's start", results, "one psql", 0.5, start="start")


def _applied(
    site: Site, what: str, count: int, rounds: int, more: Mapping[str, Callable[[Address], Command]]
) -> dict[str, list[Taken]]:
    """Each in a new database, beside the start of a command."""
    empty = site.with_schemas(count)
    text = with_history(site.count)
    script = site.write("all.sql", (f"SET search_path = {name};\n{text}" for name in names(count)))

    def applied(command: Callable[[Address], Command]) -> Taken:
        address = site.server.create("benchmark_apply", empty.database)
        return site.applying(command(address), address, count)

    def of_one(address: Address) -> Command:
        return site.psql(address, "-f", script)

    commands: dict[str, Callable[[Address], Command]] = {"run": site.run, "one psql": of_one, **more}
    work = {name: partial(applied, command) for name, command in commands.items()}
    start = partial(measure, site.manage(site.server.address, "bare"))
    return taken_in_turn(what, {**work, "start": start}, rounds)


def to_a_new_schema(site: Site, rounds: int) -> Iterator[Goal]:
    """A schema that is not there yet, and all migrations in one transaction."""
    address = site.with_schemas(0)
    numbers = itertools.count()
    files = [site.write(f"files/{number}.sql", [up(number)]) for number in range(site.count)]
    one_transaction = ("-1", *(argument for name in files for argument in ("-f", name)))

    def create() -> Taken:
        return measure(site.manage(address, "migrations_fleet", "create", f"t{next(numbers):04d}", "new", "-v0"))

    def psql() -> Taken:
        name = f"t{next(numbers):04d}"
        return measure(site.psql(address, "-c", f"CREATE SCHEMA {name}; SET search_path = {name}", *one_transaction))

    what = f"a new schema, {site.count} migrations"
    work: dict[str, Callable[[], Taken]] = {
        "run": create,
        "psql -1": psql,
        "start": partial(measure, site.manage(address, "bare")),
    }
    results = taken_in_turn(what, work, rounds)
    yield ratio(f"{what}, beyond a command's start", results, "psql -1", 1.1, start="start")
