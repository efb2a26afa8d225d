"""A run with nothing to do, beside psql that reads each history."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from ..tools.measure import measure
from ..tools.proxy import Proxy, proxy_to
from ..tools.server import Address, Server
from .goal import Goal, counted, ratio, taken_in_turn
from .site import READ, Site, names

_WRITTEN = """
SELECT count(*), COALESCE(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_catalog.pg_stat_user_tables
"""
_CLIENTS = "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE datname = '{}' AND backend_type = 'client backend'"


def of_schemas(site: Site, address: Address, count: int, rounds: int) -> Iterator[Goal]:
    """In a database with `count` schemas in which all is applied."""
    script = site.write("read.sql", (READ.format(f"{name}.") for name in names(count)))
    work = {
        "run": site.run(address),
        "one psql": site.psql(address, "-f", script),
        "start": site.manage(address, "bare"),
    }
    what = f"no-op, {count} schemas"
    measured = {name: partial(measure, command) for name, command in work.items()}
    for one in measured.values():
        one()  # warms the caches
    results = taken_in_turn(what, measured, rounds)
    yield ratio(f"{what}, beyond a command's start", results, "one psql", 1.0, start="start")
    yield from _of_its_queries(site, address, count)


def _of_its_queries(site: Site, address: Address, count: int) -> Iterator[Goal]:
    before = _written(site.server, address)
    with proxy_to(site.server) as proxy:
        of_all, of_one = (_queries(site, proxy, address, fleet) for fleet in ("schemas", "one"))
    what = f"no-op, {count} schemas"
    print(f"{what}: {of_all} messages, of one schema {of_one}")
    yield counted(f"{what}: messages beyond those of one", of_all - of_one, count / 50, "")
    writes = sum(abs(one - other) for one, other in zip(_written(site.server, address), before, strict=True))
    yield counted(f"{what}: rows and tables that are written", writes, 0, "")


def _queries(site: Site, proxy: Proxy, address: Address, fleet: str) -> int:
    before = proxy.round_trips
    measure(site.run(proxy.address(address), fleet))
    return proxy.round_trips - before


def _written(server: Server, address: Address) -> tuple[int, ...]:
    """How many tables there are, and rows that were written; known when those who have written are gone."""
    while server.execute(_CLIENTS.format(address.database)):
        time.sleep(0.01)
    return tuple(int(one) for one in server.execute(_WRITTEN, address.database)[0])


def of_databases(site: Site, count: int, rounds: int) -> Iterator[Goal]:
    """In `count` databases with one history each, in which all is applied."""
    address = site.with_schemas(0)
    measure(site.manage(address, "migrations_run"))
    for name in names(count):
        site.server.execute(f"CREATE DATABASE {name} TEMPLATE {address.database}")
    read = READ.format("")
    script = site.write("connect.sql", (f"\\c {name}\n{read}" for name in names(count)))
    listed = site.write("databases.txt", names(count))
    work = {
        "run": site.run(address, "databases"),
        "one psql": site.psql(address, "-f", script),
        **site.xargs(address, listed, "-d", "{}", "-c", read),
        "start": site.manage(address, "bare"),
    }
    what = f"no-op, {count} databases"
    results = taken_in_turn(what, {name: partial(measure, command) for name, command in work.items()}, rounds)
    yield ratio(f"{what}, beyond a command's start", results, "one psql", 0.6, start="start")
    yield ratio(f"{what}, beyond a command's start", results, "xargs psql", 0.1, start="start")
