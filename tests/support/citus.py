"""A server that takes one statement a message, as Citus does of DDL, under the name of that extension."""

from __future__ import annotations

from pathlib import Path

from tests.support.projects import Project

_CONTROL = "comment = 'stands for Citus'\ndefault_version = '1'\nrelocatable = false\nsuperuser = true\n"

# What the app asks of Citus, and the refusal of its ParseTreeRawStmt, here of all DDL. The text of a message is that of
# the client, whatever it runs; what is in quotes and in comments has no statements.
_SCRIPT = r"""
CREATE TABLE public.pg_dist_local_group (groupid int NOT NULL PRIMARY KEY);
INSERT INTO public.pg_dist_local_group VALUES (0);
ALTER TABLE public.pg_dist_local_group SET SCHEMA pg_catalog;
GRANT SELECT ON pg_catalog.pg_dist_local_group TO public;
CREATE FUNCTION pg_catalog.citus_refuse_several() RETURNS event_trigger LANGUAGE plpgsql AS $function$
DECLARE
    left_over text := pg_catalog.current_query();
BEGIN
    left_over := pg_catalog.regexp_replace(left_over, '\$(\w*?)\$.*?\$\1\$', '', 'g');
    left_over := pg_catalog.regexp_replace(left_over, '''[^'']*''', '', 'g');
    left_over := pg_catalog.regexp_replace(left_over, '--[^\n]*', '', 'g');
    left_over := pg_catalog.regexp_replace(left_over, '/\*.*?\*/', '', 'g');
    IF pg_catalog.btrim(left_over, E' \n\t;') ~ ';' THEN
        RAISE EXCEPTION 'cannot execute multiple utility events';
    END IF;
END
$function$;
CREATE EVENT TRIGGER citus_refuse_several ON ddl_command_start EXECUTE FUNCTION pg_catalog.citus_refuse_several();
"""


def offer_citus(project: Project) -> None:
    """Have CREATE EXTENSION citus work in the database of the project."""
    folder = Path(project.folder).parent / "citus/extension"
    folder.mkdir(parents=True)
    (folder / "citus.control").write_text(_CONTROL)
    (folder / "citus--1.sql").write_text(_SCRIPT)
    project.sql(f"ALTER DATABASE {project.database} SET extension_control_path = '$system:{folder.parent}'")


def make_citus(project: Project) -> None:
    offer_citus(project)
    project.sql("CREATE EXTENSION citus")
