-- differs sequence public.t_id_seq: owner
-- differs table public.t: owner
ALTER TABLE t OWNER TO pg_monitor;

-- differs view public.v: owner
ALTER VIEW v OWNER TO pg_monitor;

-- differs sequence public.sq: owner
ALTER SEQUENCE sq OWNER TO pg_monitor;

-- differs function public.f(integer): owner
ALTER FUNCTION f(int) OWNER TO pg_monitor;

-- differs type public.e: owner
ALTER TYPE e OWNER TO pg_monitor;

-- differs schema s2: owner
ALTER SCHEMA s2 OWNER TO pg_monitor;

-- differs statistics public.st: owner
ALTER STATISTICS st OWNER TO pg_monitor;

-- differs collation public.col: owner
ALTER COLLATION col OWNER TO pg_monitor;

-- differs operator public.===(integer,integer): owner
ALTER OPERATOR === (int, int) OWNER TO pg_monitor;

-- differs text_search_configuration public.tsc: owner
ALTER TEXT SEARCH CONFIGURATION tsc OWNER TO pg_monitor;

-- differs text_search_dictionary public.tsd: owner
ALTER TEXT SEARCH DICTIONARY tsd OWNER TO pg_monitor;

-- differs database current: owner
ALTER DATABASE :database OWNER TO pg_monitor;

-- differs large_object 4711: owner
ALTER LARGE OBJECT 4711 OWNER TO pg_monitor;

-- differs operator_family public.fam USING btree: owner
ALTER OPERATOR FAMILY fam USING btree OWNER TO pg_monitor;

-- differs function public.f(integer): definition
ALTER FUNCTION f(int) LEAKPROOF;

-- differs function public.f(integer): definition
ALTER FUNCTION f(int) SUPPORT generate_series_int4_support;

-- differs constraint public.u.u_fk: triggers
-- differs constraint public.u.u_uq: triggers
-- differs trigger public.u.ct: enabled
ALTER TABLE u DISABLE TRIGGER ALL;

-- differs index public.ix: valid
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix'::regclass;

-- differs index public.ix: live
UPDATE pg_index SET indislive = false WHERE indexrelid = 'ix'::regclass;

-- differs constraint public.t.t_pkey: ready
UPDATE pg_index SET indisready = false WHERE indexrelid = 't_pkey'::regclass;

-- differs table public.par: tablespace
UPDATE pg_class SET reltablespace = (SELECT oid FROM pg_tablespace WHERE spcname = 'pg_global') WHERE oid = 'par'::regclass;

-- differs index public.ix: tablespace
UPDATE pg_class SET reltablespace = (SELECT oid FROM pg_tablespace WHERE spcname = 'pg_global') WHERE oid = 'ix'::regclass;

-- differs table public.pt1: detach_pending
UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'pt1'::regclass;

-- differs table public.t: security_labels
INSERT INTO pg_seclabel VALUES ('t'::regclass, 'pg_class'::regclass, 0, 'provider', 'secret');

-- differs column public.t.a: security_labels
INSERT INTO pg_seclabel VALUES ('t'::regclass, 'pg_class'::regclass, 2, 'provider', 'secret');

-- new type public.shell
CREATE TYPE shell;

-- differs type public.base: storage
ALTER TYPE base SET (STORAGE = extended);

-- differs extension plpgsql: comment
COMMENT ON EXTENSION plpgsql IS 'x';

-- gone event_trigger et
-- gone extension plpgsql
-- gone function public.ef()
-- gone function public.tf()
-- gone language lg
-- gone trigger public.t.tg
-- gone trigger public.u.ct
DROP EXTENSION plpgsql CASCADE;

-- differs extension pg_trgm: schema
ALTER EXTENSION pg_trgm SET SCHEMA s2;

-- gone function public.f(integer)
ALTER EXTENSION pg_trgm ADD FUNCTION f(int);

-- new function public.similarity(text,text)
ALTER EXTENSION pg_trgm DROP FUNCTION similarity(text, text);

-- differs extension pg_trgm: version
UPDATE pg_extension SET extversion = '9' WHERE extname = 'pg_trgm';

-- gone event_trigger et
DROP EVENT TRIGGER et;

-- differs event_trigger et: enabled
ALTER EVENT TRIGGER et DISABLE;

-- differs event_trigger et: tags
DROP EVENT TRIGGER et; CREATE EVENT TRIGGER et ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION ef();

-- differs event_trigger et: event
DROP EVENT TRIGGER et; CREATE EVENT TRIGGER et ON ddl_command_start EXECUTE FUNCTION ef();

-- differs event_trigger et: comment
COMMENT ON EVENT TRIGGER et IS 'x';

-- from 15
-- new publication pub2
CREATE PUBLICATION pub2 FOR TABLES IN SCHEMA s2;

-- from 15
-- differs publication pub: schemas
ALTER PUBLICATION pub ADD TABLES IN SCHEMA s2;

-- new publication pub2
CREATE PUBLICATION pub2 FOR ALL TABLES;

-- differs publication pub: owner
ALTER PUBLICATION pub OWNER TO pg_monitor;

-- new subscription sub
CREATE SUBSCRIPTION sub CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false);

-- differs foreign_data_wrapper w: options
ALTER FOREIGN DATA WRAPPER w OPTIONS (ADD x '1');

-- differs foreign_data_wrapper w: rights
GRANT USAGE ON FOREIGN DATA WRAPPER w TO PUBLIC;

-- differs foreign_data_wrapper w: comment
COMMENT ON FOREIGN DATA WRAPPER w IS 'x';

-- differs server srv: options
ALTER SERVER srv OPTIONS (ADD host 'x');

-- differs server srv: version
ALTER SERVER srv VERSION '2';

-- differs server srv: rights
GRANT USAGE ON FOREIGN SERVER srv TO PUBLIC;

-- gone foreign_table public.ft
-- gone server srv
DROP SERVER srv CASCADE;

-- new user_mapping pg_monitor on srv
CREATE USER MAPPING FOR pg_monitor SERVER srv;

-- differs user_mapping public on srv: options
ALTER USER MAPPING FOR PUBLIC SERVER srv OPTIONS (SET name 'y');

-- differs user_mapping public on srv: options
ALTER USER MAPPING FOR PUBLIC SERVER srv OPTIONS (ADD other 'y');

-- gone user_mapping public on srv
DROP USER MAPPING FOR PUBLIC SERVER srv;

-- new operator_family public.oc2 USING btree
CREATE OPERATOR CLASS oc2 FOR TYPE int USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);

-- new operator_family public.fam2 USING btree
CREATE OPERATOR FAMILY fam2 USING btree;

-- gone family_operator public.fam USING btree: 1 (integer, integer)
-- new family_operator public.fam USING btree: 2 (integer, integer)
ALTER OPERATOR FAMILY fam USING btree DROP OPERATOR 1 (int, int); ALTER OPERATOR FAMILY fam USING btree ADD OPERATOR 2 < (int, int);

-- differs family_operator public.fam USING btree: 1 (integer, integer): operator
ALTER OPERATOR FAMILY fam USING btree DROP OPERATOR 1 (int, int); ALTER OPERATOR FAMILY fam USING btree ADD OPERATOR 1 > (int, int);

-- new family_function public.fam USING btree: 2 (integer, integer)
ALTER OPERATOR FAMILY fam USING btree DROP FUNCTION 1 (int, int);
ALTER OPERATOR FAMILY fam USING btree ADD FUNCTION 1 (int, int) btint4cmp(int, int), FUNCTION 2 (int, int) btint4sortsupport(internal);

-- new family_function pg_catalog.integer_ops USING btree: 1 (integer, numeric)
ALTER OPERATOR FAMILY integer_ops USING btree ADD FUNCTION 1 (int, numeric) int_numeric(int, numeric);

-- new access_method am3
CREATE ACCESS METHOD am3 TYPE TABLE HANDLER heap_tableam_handler;

-- gone language lg
DROP LANGUAGE lg;

-- gone language lg
-- new language lg2
ALTER LANGUAGE lg RENAME TO lg2;

-- differs language lg: comment
COMMENT ON LANGUAGE lg IS 'x';

-- new language lg2
CREATE TRUSTED LANGUAGE lg2 HANDLER plpgsql_call_handler INLINE plpgsql_inline_handler VALIDATOR plpgsql_validator;

-- new transform integer LANGUAGE sql
CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal));

-- differs text_search_parser public.tp: headline
DROP TEXT SEARCH PARSER tp;
CREATE TEXT SEARCH PARSER tp (
    START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline
);

-- differs text_search_template public.tt: init
DROP TEXT SEARCH TEMPLATE tt; CREATE TEXT SEARCH TEMPLATE tt (INIT = dsimple_init, LEXIZE = dsimple_lexize);

-- new grant function pg_stat_reset()
GRANT EXECUTE ON FUNCTION pg_stat_reset() TO pg_monitor;

-- new grant function public.similarity(text,text)
REVOKE EXECUTE ON FUNCTION similarity(text, text) FROM PUBLIC;

-- new grant language plpgsql
REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC;

-- new grant type integer
REVOKE USAGE ON TYPE int4 FROM PUBLIC;

-- new grant table pg_statistic
GRANT SELECT ON pg_statistic TO pg_monitor;

-- new grant column pg_authid.rolpassword
GRANT SELECT (rolpassword) ON pg_authid TO pg_monitor;

-- new grant table information_schema.tables
REVOKE SELECT ON information_schema.tables FROM PUBLIC;

-- new grant schema pg_catalog
GRANT CREATE ON SCHEMA pg_catalog TO pg_monitor;

-- differs schema information_schema: rights
GRANT CREATE ON SCHEMA information_schema TO pg_monitor;

-- new function mine()
CREATE FUNCTION pg_catalog.mine() RETURNS int LANGUAGE sql AS 'SELECT 1';

-- gone extension pg_trgm
DROP EXTENSION pg_trgm;

-- new grant foreign_data_wrapper file_fdw
GRANT USAGE ON FOREIGN DATA WRAPPER file_fdw TO pg_monitor;

-- new setting all roles: app.secret
ALTER DATABASE :database SET app.secret = 'that is neither shown nor compared';
