"""Scripts of a project that open a scratch database, in processes of their own, as a command does."""

from __future__ import annotations

from typing import Any

from tests.support import projects
from tests.support.projects import Project

_BEGIN = """\
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django
django.setup()
from django.conf import settings
from django.core.management.base import CommandError
from django.db import connections
from medusa_migrations.database.connect import open_session
from medusa_migrations.database.interruption import Interruption, StopRequested
from medusa_migrations.errors import MigrationError
from medusa_migrations.management.stop import stopped_by_signals
from medusa_migrations.verify.scratch.open import open_scratch

def ask(alias, sql):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []

def where(alias="default"):
    return ask(alias, "SELECT current_database()")[0][0]

try:
    with stopped_by_signals() as interruption, open_scratch("default", interruption=interruption, **OPTIONS) as scratch:
        print(scratch.name, flush=True)
"""

_END = """
except (MigrationError, StopRequested) as error:
    sys.exit("CommandError: " + "\\n".join([str(error), *getattr(error, "__notes__", [])]))
"""

# Waits until the table `go` of the scratch has a row.
UNTIL_GO = f"""
with open_session("default", interruption) as session:
    session.prepare()
    session.execute("CREATE TABLE go (id int)")
    session.execute('{projects.UNTIL_GO}')
"""


def write_script(project: Project, body: str, *, name: str = "proof.py", after: str = "", **options: Any) -> str:
    """A script that runs `body` within the scratch, then `after`; gives its name for `Project.start(script=…)`."""
    inner = "".join(f"        {line}\n" for line in body.strip().splitlines())
    text = f"OPTIONS = {options!r}\n{_BEGIN}{inner}{_END}{after}\n"
    (project.folder / name).write_text(text)
    return name


def scratches(project: Project, pid: int | None = None) -> list[str]:
    """The names of the scratch databases on the server, of one process alone where others are at work there too."""
    rows = project.sql("SELECT datname FROM pg_database WHERE starts_with(datname, 'medusa_verify_') ORDER BY 1")
    return [name for (name,) in rows if pid is None or f"_{pid}" in name]


# An object of every kind that a database can have, made by a superuser, one of them in the way of dropping the rest.
EVERY_KIND = r"""
CREATE SCHEMA s;
CREATE TABLE s.t (id serial primary key, a int generated always as identity, b text default 'x');
CREATE TABLE p (id int) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1);
CREATE INDEX ON p (id);
CREATE VIEW v AS SELECT * FROM s.t;
CREATE MATERIALIZED VIEW mv AS SELECT 1 a;
CREATE UNIQUE INDEX ON mv(a);
CREATE SEQUENCE sq;
CREATE TYPE e AS ENUM ('a');
CREATE TYPE co AS (a int);
CREATE DOMAIN d AS int CHECK (value>0);
CREATE TYPE r AS RANGE (subtype=int4);
CREATE FUNCTION f(e, text[]) RETURNS int LANGUAGE sql AS 'select 1';
CREATE PROCEDURE pr() LANGUAGE sql AS 'select 1';
CREATE AGGREGATE ag(*) (sfunc=int8inc, stype=int8, initcond='0');
CREATE AGGREGATE ag2(int) (sfunc=int4pl, stype=int4);
CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER tg BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION trg();
CREATE RULE ru AS ON INSERT TO p DO ALSO NOTHING;
CREATE POLICY po ON s.t USING (true);
CREATE FUNCTION etf() RETURNS event_trigger LANGUAGE plpgsql AS $$begin raise exception 'no'; end$$;
CREATE FUNCTION eint(e) RETURNS int LANGUAGE sql AS 'select 1';
CREATE CAST (e AS int) WITH FUNCTION eint(e);
CREATE FUNCTION eq(co, co) RETURNS bool LANGUAGE sql AS 'select true';
CREATE OPERATOR === (leftarg=co, rightarg=co, function=eq);
CREATE OPERATOR FAMILY opf USING btree;
CREATE FUNCTION cmp(d,d) RETURNS int LANGUAGE sql AS 'select 0';
CREATE OPERATOR CLASS oc FOR TYPE int4 USING btree AS OPERATOR 1 <, OPERATOR 3 =, FUNCTION 1 btint4cmp(int4,int4);
CREATE COLLATION cl FROM "C";
CREATE CONVERSION cv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE TEXT SEARCH CONFIGURATION tsc (COPY=simple);
CREATE TEXT SEARCH DICTIONARY tsd (TEMPLATE=simple);
CREATE TEXT SEARCH PARSER tsp (START=prsd_start, GETTOKEN=prsd_nexttoken, END=prsd_end, LEXTYPES=prsd_lextype);
CREATE TEXT SEARCH TEMPLATE tst (LEXIZE=dsimple_lexize);
CREATE STATISTICS st ON id,b FROM s.t;
CREATE PUBLICATION pu FOR TABLE s.t;
CREATE FOREIGN DATA WRAPPER fdw;
CREATE SERVER srv FOREIGN DATA WRAPPER fdw;
CREATE USER MAPPING FOR PUBLIC SERVER srv;
CREATE FOREIGN TABLE ft (a int) SERVER srv;
SELECT lo_create(4242);
CREATE ACCESS METHOD am TYPE TABLE HANDLER heap_tableam_handler;
CREATE LANGUAGE mylang HANDLER plpgsql_call_handler;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM postgres;
CREATE TABLE "We""ird;
x" (a int);
COMMENT ON SCHEMA public IS 'hm';
GRANT CREATE ON SCHEMA public TO PUBLIC;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION hstore SCHEMA s;
CREATE TABLE trg_use (a text, h s.hstore);
CREATE INDEX ON trg_use USING gin (a gin_trgm_ops);
CREATE SUBSCRIPTION sub CONNECTION 'dbname=nowhere' PUBLICATION x WITH (connect=false, slot_name=NONE);
CREATE EVENT TRIGGER et ON sql_drop EXECUTE FUNCTION etf();
CREATE TEMP TABLE tmp (a int);
"""
