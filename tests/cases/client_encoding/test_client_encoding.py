"""client_encoding mangled what was sent behind it, or ended in a traceback of psycopg's UnicodeEncodeError.

Found by an attack with the head of a dump of an SQL_ASCII database. Files are UTF-8, and so is all that is sent:
however a migration sets another encoding, it is UTF8 again before the next message.
"""

from __future__ import annotations

import pytest

from tests.support.projects import Project
from tests.support.python_files import write

TEXT = "é€"  # LATIN1 has the first only
BYTES = TEXT.encode().hex()
SETS = {
    "plain": "SELECT pg_catalog.set_config('client_' || 'encoding', 'LATIN1', false);",
    "local": "SELECT pg_catalog.set_config('client_' || 'encoding', 'SQL_ASCII', true);",
    "block": "DO $$ BEGIN PERFORM set_config('client_' || 'encoding', 'LATIN1', false); END $$;",
    "committing block": "DO $$ BEGIN COMMIT; PERFORM set_config('client_' || 'encoding', 'KOI8R', false); END $$;",
}
WRITES = f"INSERT INTO a VALUES ('{TEXT}');\nCOPY a FROM stdin;\n{TEXT}\n\\.\nINSERT INTO a VALUES ('{TEXT}');"
ROWS = 3
PYTHON = f"""
schema.query({SETS["plain"]!r})
schema.query("INSERT INTO a VALUES ('{TEXT}')")
assert schema.query("SELECT min(v) FROM a") == [("{TEXT}",)]
schema.query({SETS["block"]!r})
schema.copy_from("a", [["{TEXT}"]])
schema.query({SETS["plain"]!r})
schema.query("INSERT INTO a VALUES (%s)", ["{TEXT}"])
"""


@pytest.mark.smoke
def test_every_way_to_send_stores_what_the_file_says(project: Project) -> None:
    project.sql("CREATE TABLE a (v text)")
    for number, (name, sets) in enumerate(SETS.items(), 1):
        if name != "committing block":
            project.write(f"blog.2024010100000{number}_each", f"{sets}\n{WRITES}")
        project.write(f"blog.2024010200000{number}_none", f"{sets}\n{WRITES}", option=" transaction:false")
    write(project, PYTHON, "", id_="blog.20240103000001_python")
    write(project, PYTHON, "", id_="blog.20240103000002_python", head="transaction = False")
    outcome = project.run().ok()
    stored = project.sql("SELECT encode(convert_to(v, 'UTF8'), 'hex'), count(*) FROM a GROUP BY 1")
    assert stored == [(BYTES, 9 * ROWS)]
    assert len(project.applied()) == 9
    assert outcome.stderr.count("has set client_encoding to") == 1


@pytest.mark.smoke
def test_all_of_one_transaction_too(project: Project) -> None:
    project.sql("CREATE TABLE a (v text)")
    for number in (1, 2):
        project.write(f"blog.2024010100000{number}_each", f"{SETS['plain']}\n{WRITES}")
    project.run("--transaction", "all").ok()
    stored = project.sql("SELECT encode(convert_to(v, 'UTF8'), 'hex'), count(*) FROM a GROUP BY 1")
    assert stored == [(BYTES, 2 * ROWS)]


@pytest.mark.smoke
@pytest.mark.parametrize("option", ["", " transaction:false"])
def test_a_failure_behind_it_is_told_and_recorded(project: Project, option: str) -> None:
    """The error quotes the text, and the history keeps it."""
    id_ = "blog.20240101000001_fails"
    committing = "COMMIT;" if option else ""
    sets = "PERFORM set_config('client_' || 'encoding', 'SQL_ASCII', false);"
    raises = f"DO $$ BEGIN {sets} {committing} RAISE 'no é€'; END $$;"
    project.write(id_, f"SELECT '{TEXT}';\n{raises}", option=option)
    error = project.run().error()
    assert "no " in error
    assert project.run("--json").json["error"]["message"]
    project.sql("CREATE TABLE a (v text)")
    project.write("blog.20240101000000_first", WRITES)
    project.write(id_, f"SELECT '{TEXT}';\nSELECT '{TEXT}';", option=option)
    project.run().ok()
    assert len(project.applied()) == 2
