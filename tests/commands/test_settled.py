"""A run of a build that was made before: that all is applied is told from checksums, without reading more.

A run of the only app reads everything, so both say the same of any history.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.copies import copied, original
from tests.support.projects import Project, Server

HISTORIES = {
    "as it was built": "SELECT 1",
    "changed": "UPDATE medusa_migrations SET checksum = 'another' WHERE name LIKE '%t1'",
    "a repeatable one that was another": "UPDATE medusa_migrations SET checksum = 'another' WHERE name LIKE 'R__%'",
    "failed": "UPDATE medusa_migrations SET state = 'failed' WHERE name LIKE '%t2'",
    "running": "UPDATE medusa_migrations SET state = 'running', statements_done = 1 WHERE name LIKE '%t2'",
    "reverted in part": "UPDATE medusa_migrations SET state = 'revert_failed' WHERE name LIKE '%t2'",
    "not applied": "DELETE FROM medusa_migrations WHERE name LIKE '%t2'",
    "without a file": "UPDATE medusa_migrations SET name = '20240101000003_gone', checksum = '' WHERE name LIKE '%t2'",
    "empty": "DELETE FROM medusa_migrations",
    "gone": "DROP TABLE medusa_migrations",
    "of an older version": "ALTER TABLE medusa_migrations DROP COLUMN error",
    "somebody else's": "ALTER TABLE medusa_migrations DROP COLUMN checksum",
}


@pytest.fixture(scope="module")
def first_applied(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with original(server, tmp_path_factory.mktemp("applied"), "settled") as project:
        project.table(1)
        project.table(2)
        project.write("blog.R__one", "CREATE OR REPLACE VIEW one AS SELECT 1;", "DROP VIEW one;")
        project.run().ok()
        yield project


@pytest.mark.xdist_group("settled")  # what they begin with is made once
@pytest.mark.parametrize(
    "command", [("migrations_run", "--plan", "--json"), ("migrate", "--plan", "--skip-checks")], ids=" ".join
)
@pytest.mark.parametrize("change", HISTORIES.values(), ids=HISTORIES)
def test_the_history_says_the_same_by_its_checksums_as_in_whole(
    first_applied: Project, project: Project, change: str, command: tuple[str, ...]
) -> None:
    copied(first_applied, project).sql(change)
    of_all, of_the_app = (project.manage(*command, *apps) for apps in ([], ["blog"]))
    assert (of_all.code, of_all.stdout) == (of_the_app.code, of_the_app.stdout)
    assert of_all.stderr == of_the_app.stderr.replace("--missing blog", "--missing")


def test_only_the_apps_that_are_let_in_have_to_be_applied(project: Project) -> None:
    project.table(1)
    kept = project.table(2, app="shop")
    router = "class Router:\n    def allow_migrate(self, db, app_label, **hints):\n        return app_label != 'shop'\n"
    (project.folder / "routers.py").write_text(router)
    project.add_settings("DATABASE_ROUTERS = ['routers.Router']")
    project.run().ok()
    assert "No migrations to apply." in project.manage("migrations_run").ok().stdout
    (project.folder / "routers.py").write_text(router.replace("shop", "none"))
    assert f"Applying {kept}... OK" in project.manage("migrations_run").ok().stdout


def test_with_all_applied_what_is_not_built_is_named(project: Project) -> None:
    project.table(1)
    project.run().ok()
    new = project.table(2)
    assert f"Not built, so not run: {new}." in project.manage("migrations_run").ok().stderr
    assert project.tables() == {"t1"}


def test_with_all_applied_a_manifest_that_is_none_and_a_wrong_setting_are_still_told(project: Project) -> None:
    project.table(1)
    project.run().ok()
    project.configure(SQL_SINCE={"blog": "0001_initial"})
    assert "which has no Django migrations" in project.manage("migrations_run").error()
    project.configure(SQL_SINCE={})
    manifest = project.folder / "dist/migrations/manifest.json"
    manifest.write_text(manifest.read_text().replace("t1", "t2"))
    assert "is not what migrations_build wrote" in project.manage("migrations_run").error()
