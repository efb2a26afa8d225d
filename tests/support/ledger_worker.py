"""A process that carries out a run of a fleet in the ledger alone, for test_ledger_processes.

Run as a SCRIPT with TARGETS and STOP_AT: it settles what is left of that many targets. Of the target STOP_AT it writes
no more than that it is running, and waits to be killed. Prints JSON: the number of the run, and whether it is resumed.
"""

from __future__ import annotations

import json
import sys
import threading

from medusa_migrations.fleet.stages import Slot

SCRIPT = """
import django
django.setup()
from tests.support.ledger_worker import main
main()
"""


def main() -> None:
    count, stop_at = int(sys.argv[1]), sys.argv[2]
    from medusa_migrations.fleet.ledger import Wanted, Work, begin
    from medusa_migrations.fleet.writer import Change, LedgerWriter

    work = [Work(Slot(f"t{number}", 1, number), 1) for number in range(count)]
    begun = begin("default", Wanted("tenants", "up", "a" * 64, {}, "ada", count), work)
    print(json.dumps([begun.run.id, begun.is_resumed]), flush=True)
    with LedgerWriter("default", begun) as writer:
        for target in begun.targets:
            if not target.is_settled:
                writer.change(target, Change("running"))
                if target.name == stop_at:
                    threading.Event().wait()
                writer.change(target, Change("done", [f"blog.{target.name}"]))
        writer.end("complete", only_last=True)
    assert not writer.behind, writer.behind
