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

    def of_processes(address: Address) -> Command:
        return site.xargs(address, listed, "-c", "SET search_path = {}", "-f", each)

    what = f"apply {site.count} x {count} schemas"
    results = _applied(site, what, count, rounds, {"xargs psql": of_processes})
    yield ratio(f"{what}, in memory", results, "one psql", 1.15)
    yield ratio(f"{what}, in memory", results, "xargs psql", 0.4)


def on_disk(site: Site, count: int, rounds: int) -> Iterator[Goal]:
    """To `count` schemas of a server that waits for its disk."""
    what = f"apply {site.count} x {count} schemas, on disk"
    yield ratio(what, _applied(site, what, count, rounds, {}), "one psql", 0.5)


def _applied(
    site: Site, what: str, count: int, rounds: int, more: Mapping[str, Callable[[Address], Command]]
) -> dict[str, list[Taken]]:
    """Each in a new database."""
    empty = site.with_schemas(count).database
    text = with_history(site.count)
    script = site.write("all.sql", (f"SET search_path = {name};\n{text}" for name in names(count)))

    def applied(command: Callable[[Address], Command]) -> Taken:
        address = site.server.create("benchmark_apply", empty)
        return site.applying(command(address), address, count)

    def of_one(address: Address) -> Command:
        return site.psql(address, "-f", script)

    commands: dict[str, Callable[[Address], Command]] = {"run": site.run, "one psql": of_one, **more}
    return taken_in_turn(what, {name: partial(applied, command) for name, command in commands.items()}, rounds)


def to_a_new_schema(site: Site, rounds: int) -> Iterator[Goal]:
    """All migrations in one transaction, to a schema that has nothing yet."""
    address = site.with_schemas(2 * rounds)
    numbers = itertools.count()
    files = [site.write(f"files/{number}.sql", [up(number)]) for number in range(site.count)]
    one_transaction = [argument for name in files for argument in ("-f", name)]

    def run() -> Taken:
        name = f"t{next(numbers):04d}"
        options = ("--fleet", "schemas", "--target", name, "--transaction", "all", "-v0")
        return measure(site.manage(address, "migrations_run", *options))

    def psql() -> Taken:
        set_path = ("-c", f"SET search_path = t{next(numbers):04d}")
        return measure(site.psql(address, "-1", *set_path, *one_transaction))

    what = f"a new schema, {site.count} migrations"
    work: dict[str, Callable[[], Taken]] = {
        "run": run,
        "psql -1": psql,
        "start": partial(measure, site.manage(address, "bare")),
    }
    results = taken_in_turn(what, work, rounds)
    yield ratio(f"{what}, beyond a command's start", results, "psql -1", 1.1, start="start")
