-- What only a superuser may make.
CREATE EXTENSION pg_trgm;
CREATE EXTENSION file_fdw;
CREATE FOREIGN DATA WRAPPER w OPTIONS (a '1');
CREATE SERVER srv FOREIGN DATA WRAPPER w;
GRANT USAGE ON FOREIGN SERVER srv TO :owner;
CREATE USER MAPPING FOR PUBLIC SERVER srv OPTIONS (name 'x', password 'secret');
CREATE FUNCTION ef() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER et ON ddl_command_end EXECUTE FUNCTION ef();
CREATE OPERATOR FAMILY fam USING btree;
ALTER OPERATOR FAMILY fam USING btree ADD OPERATOR 1 < (int, int), FUNCTION 1 (int, int) btint4cmp(int, int);
CREATE OPERATOR CLASS oc FOR TYPE int USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
CREATE TYPE base;
CREATE FUNCTION base_in(cstring, oid, int) RETURNS base LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION base_out(base) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE base (INPUT = base_in, OUTPUT = base_out, STORAGE = plain);
CREATE FUNCTION int_numeric(int, numeric) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';
CREATE LANGUAGE lg HANDLER plpgsql_call_handler;
CREATE TEXT SEARCH PARSER tp (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH TEMPLATE tt (LEXIZE = dsimple_lexize);
CREATE ACCESS METHOD am2 TYPE TABLE HANDLER heap_tableam_handler;
