"""The example project as its users find it, on its own PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.projects import ROOT


def test_its_tests_run_on_what_the_sql_makes() -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "DATABASE_URL"))}
    command = [sys.executable, "manage.py", "test", "project", "--noinput"]
    done = subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, text=True, timeout=120)
    assert "Ran 2 tests" in done.stderr, done
    assert done.returncode == 0, done
