"""The comment that a migration's message begins with took the name from its history row, so that `migrations_revert
--fake`, which writes the history only, ran SQL that `--sql` did not show: found by an attack."""

from __future__ import annotations

import pytest

from tests.support.projects import Project

NAMES = ["20250101000000_x */ DROP TABLE precious; /*", "20250101000000_x /*", "20250101000000_x\nDROP TABLE precious;"]


@pytest.mark.smoke
def test_the_name_of_a_row_is_never_sent_as_sql(project: Project) -> None:
    project.table(1)
    project.run().ok()
    project.sql("CREATE TABLE precious (id int)")
    for name in NAMES:
        project.sql(
            "INSERT INTO medusa_migrations (app, name, checksum, state, applied_at, applied_by, run, statements_done,"
            f" error, down) VALUES ('blog', '{name}', '', 'applied', now(), '', gen_random_uuid(), 0, '', 'SELECT 1;')"
        )
        shown = project.manage("migrations_revert", "--sql").ok().stdout
        assert [line for line in shown.splitlines() if not line.startswith("--")] == ["SELECT 1;"]
        project.manage("migrations_revert", *(["--fake"] if "DROP" in name else [])).ok()
    assert project.tables() == {"t1", "precious"}
    assert project.applied() == ["blog.20240101000001_t1"]
