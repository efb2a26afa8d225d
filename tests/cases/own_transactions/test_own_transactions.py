"""A part without a transaction that has one of its own: it could not be recorded, or the cure was its own mark.

Found by an attack: `SET TRANSACTION READ ONLY` in the author's BEGIN … COMMIT made our UPDATE fail, and for what
stands in a transaction of the author's the message said to mark the part transaction:false, as it was.
"""

from __future__ import annotations

import pytest

from tests.support.projects import Project
from tests.support.python_files import write

ID = "blog.20240101000001_step"


@pytest.mark.parametrize(
    "up",
    [
        "BEGIN;\nSET TRANSACTION READ ONLY;\nSELECT 1;\nCOMMIT;",
        "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;\nSELECT 1;\nEND;",
        "SET default_transaction_read_only = on;\nSTART TRANSACTION;\nSELECT 1;\nCOMMIT;",
        "BEGIN;\nSELECT set_config('transaction_read_only', 'on', true);\nCOMMIT;",
    ],
)
def test_one_that_only_reads_is_recorded(project: Project, up: str) -> None:
    project.write(ID, f"{up}\nSELECT 2;", option=" transaction:false")
    project.run().ok()
    assert project.history() == [(ID, "applied")]


CAUGHT = "DO $$ BEGIN BEGIN COMMIT; EXCEPTION WHEN division_by_zero THEN NULL; END; END $$;"
LATE = "SELECT 1;\nSELECT set_config('transaction_isolation', 'serializable', true);"
TAKE_OUT = "Take it out of that, build"
BEFORE = "before the first query of its transaction"


def test_the_cure_is_not_what_is_there_already(project: Project) -> None:
    in_none = {"option": " transaction:false"}
    project.write(ID, "BEGIN;\nDO $$ BEGIN COMMIT; END $$;\nCOMMIT;", **in_none)
    first = project.run().error()
    project.write(ID, CAUGHT, **in_none)
    second = project.run().error()
    for error in (first, second):
        assert TAKE_OUT in error
        assert "mark the part" not in error
    project.manage("migrations_repair", "--mark-reverted", ID).ok()
    project.write(ID, f"BEGIN;\n{LATE}\nCOMMIT;", **in_none)
    assert BEFORE in project.run().error()
    project.manage("migrations_repair", "--mark-reverted", ID).ok()
    project.write(ID, LATE)
    error = project.run().error()
    assert BEFORE in error
    assert "mark the part" not in error
    assert "--transaction each" in project.run("--transaction", "all").error()
    (project.folder / "blog/sql_migrations/20240101000001_step.sql").unlink()
    write(project, f"schema.query('''{CAUGHT}''')", "", head="transaction = False")
    error = project.run().error()
    assert TAKE_OUT in error
    assert "set `transaction" not in error
