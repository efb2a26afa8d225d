"""Which modules a run with nothing to do imports beyond a bare command, and how long they take.

usage: python -m benchmarks.imports

Exit code 1 if it imports what only other commands need.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from .peers import PEERS, Peer, Verb
from .tools.entry import Entry
from .tools.server import Address, running_server

# A module or package that a run without work has no use for.
UNWANTED = (
    "django.contrib.admin",
    "django.db.migrations",
    "django.template",
    "django.test",
    "medusa_migrations.admin",
    "medusa_migrations.management.checks",
    "medusa_migrations.fleet",
    "medusa_migrations.generate",
    "medusa_migrations.files.make",
    "medusa_migrations.management.migrate.bridge",
    "medusa_migrations.database.repair",
    "medusa_migrations.results",
    "medusa_migrations.run.runner",
    "medusa_migrations.sql.scanner",
)

# `-X importtime` writes: import time: self [us] | cumulative | imported package
_LINE = re.compile(r"import time: +(\d+) \| +\d+ \| +(\S+)")


def imported(peer: Peer, folder: Path, address: Address) -> dict[str, int]:
    """The modules that a no-op imports, with the microseconds that each takes without those it imports."""
    command = peer.command(Verb.NOOP, folder, 1, address)
    assert command is not None
    python, *arguments = command.arguments
    run = subprocess.run(
        [python, "-X", "importtime", *arguments],
        cwd=command.folder,
        env=command.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: int(microseconds) for microseconds, name in _LINE.findall(run.stderr)}


def unwanted(modules: dict[str, int]) -> list[str]:
    return [name for name in modules if any(name == bad or name.startswith(f"{bad}.") for bad in UNWANTED)]


def no_op_imports() -> tuple[dict[str, int], dict[str, int]]:
    """What a bare command imports, and what a run with nothing to do imports beyond that."""
    with running_server() as server, tempfile.TemporaryDirectory() as work:
        bare, medusa = (Entry(PEERS[name], 1, server, Path(work)) for name in ("bare", "medusa"))
        for entry in (bare, medusa):
            entry.prepare()
        medusa.measure(Verb.APPLY)
        modules = [imported(one.peer, one.folder, Address(server.address.port, one.database)) for one in (bare, medusa)]
    return modules[0], {name: taken for name, taken in modules[1].items() if name not in modules[0]}


def main() -> None:
    bare, more = no_op_imports()
    print(f"A bare command imports {len(bare)} modules, a run with nothing to do {len(more)} more:")
    for name, microseconds in sorted(more.items(), key=lambda item: -item[1]):
        print(f"  {microseconds / 1000:6.2f} ms  {name}")
    print(f"  {sum(more.values()) / 1000:6.2f} ms  together")
    if bad := unwanted(more):
        sys.exit(f"It has no use for {', '.join(bad)}.")


if __name__ == "__main__":
    main()
