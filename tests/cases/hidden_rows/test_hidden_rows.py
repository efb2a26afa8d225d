"""Row level security on the history, which Supabase's advisor asks for, hid all rows from a role that is not the owner:
everything was shown as pending. Found on a real project."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.projects import Project


@pytest.fixture
def reader(project: Project) -> Iterator[Project]:
    """A project whose user may read the history, and owns nothing."""
    project.table(1)
    project.run().ok()
    role = f"role_{project.database}"
    project.sql(f"CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON medusa_migrations TO {role}")
    project.sql("ALTER TABLE medusa_migrations ENABLE ROW LEVEL SECURITY")
    project.env["TEST_DATABASE"] = json.dumps(json.loads(project.environment()["TEST_DATABASE"]) | {"USER": role})
    yield project
    project.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.mark.smoke
def test_hidden_rows_are_not_taken_for_pending_migrations(reader: Project) -> None:
    for command in (["migrations_show"], ["migrations_repair"], ["migrations_run", "--check"], ["migrations_run"]):
        error = reader.manage(*command).error()
        assert "Row level security hides rows of the history table 'medusa_migrations'" in error
        assert "DISABLE ROW LEVEL SECURITY" in error
    reader.sql("CREATE POLICY a_few ON medusa_migrations USING (state = 'applied')")
    assert "Row level security hides rows" in reader.manage("migrations_show").error()
    reader.sql("CREATE POLICY all_of_them ON medusa_migrations USING (true)")
    assert "[X] blog.20240101000001_t1" in reader.manage("migrations_show").ok().stdout
    reader.sql("CREATE POLICY fewer ON medusa_migrations AS RESTRICTIVE USING (app <> 'blog')")
    assert "Row level security hides rows" in reader.manage("migrations_show").error()
    del reader.env["TEST_DATABASE"]  # the owner, and superuser, sees all
    assert "[X] blog.20240101000001_t1" in reader.manage("migrations_show").ok().stdout
