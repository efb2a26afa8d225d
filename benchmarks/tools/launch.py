"""usage: launch.py DESCRIPTOR COMMAND ...      Run a command, and write to DESCRIPTOR what it took, as JSON.

A small process of its own: the kernel counts what a parent has in memory when it starts a child as the child's peak.
Only the standard library is imported: this runs without site-packages.
"""

import json
import os
import sys
import time

descriptor, *command = sys.argv[1:]
begun = time.perf_counter()
pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_CLOSE, int(descriptor))])
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - begun
kilobyte = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes on macOS, kilobytes on Linux
took = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss * kilobyte}
os.write(int(descriptor), json.dumps(took).encode())
sys.exit(os.waitstatus_to_exitcode(status) and 1)
