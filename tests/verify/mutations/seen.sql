-- new table public.n
CREATE TABLE n (a int primary key, b serial, CHECK (a > 0));

-- gone table public.u
DROP TABLE u;

-- new column public.t.z
ALTER TABLE t ADD z int;

-- gone column public.t.d
ALTER TABLE t DROP d;

-- differs index public.ix: definition
-- differs index public.ix_lower: definition
-- differs statistics public.st: definition
-- gone column public.t.b
-- new column public.t.bb
ALTER TABLE t RENAME b TO bb;

-- differs sequence public.u_id_seq: owned_by
-- gone table public.u
-- new table public.uu
ALTER TABLE u RENAME TO uu;

-- gone table public.u
-- new table s2.u
ALTER TABLE u SET SCHEMA s2;

-- differs column public.t.plain: type
ALTER TABLE t ALTER plain TYPE bigint;

-- differs column public.t.a: default
ALTER TABLE t ALTER a SET DEFAULT 2;

-- differs column public.t.a: default
ALTER TABLE t ALTER a SET DEFAULT 1::bigint;

-- differs column public.t.a: default
ALTER TABLE t ALTER a DROP DEFAULT;

-- differs column public.t.a: not_null
ALTER TABLE t ALTER a SET NOT NULL;

-- differs column public.t.c: not_null
ALTER TABLE t ALTER c DROP NOT NULL;

-- from 18
-- differs column public.t.b: not_null
-- differs column public.t.b: not_null_valid
ALTER TABLE t ADD CONSTRAINT b_filled NOT NULL b NOT VALID;

-- from 18
-- differs column public.t.b: not_null
-- differs column public.t.b: not_null_no_inherit
ALTER TABLE t ADD CONSTRAINT b_filled NOT NULL b NO INHERIT;

-- differs column public.t.b: collation
ALTER TABLE t ALTER b TYPE text COLLATE "C";

-- differs column public.t.b: storage
ALTER TABLE t ALTER b SET STORAGE EXTERNAL;

-- differs column public.t.b: compression
ALTER TABLE t ALTER b SET COMPRESSION pglz;

-- differs column public.t.b: statistics_target
ALTER TABLE t ALTER b SET STATISTICS 500;

-- differs column public.t.b: options
ALTER TABLE t ALTER b SET (n_distinct = 5);

-- differs column public.t.id: identity
ALTER TABLE t ALTER id SET GENERATED ALWAYS;

-- differs sequence public.t_id_seq: increment
ALTER TABLE t ALTER id SET INCREMENT BY 2;

-- differs column public.t.id: identity
-- gone sequence public.t_id_seq
ALTER TABLE t ALTER id DROP IDENTITY;

-- differs column public.t.g: generated
ALTER TABLE t ALTER g DROP EXPRESSION;

-- from 18
-- differs column public.t.g: generated
ALTER TABLE t DROP g; ALTER TABLE t ADD g int GENERATED ALWAYS AS (a * 2) VIRTUAL;

-- differs table public.t: options
ALTER TABLE t SET (fillfactor = 70);

-- differs table public.t: toast_options
ALTER TABLE t SET (toast.autovacuum_enabled = false);

-- differs table public.par: persistence
ALTER TABLE par SET UNLOGGED;

-- differs table public.t: replica_identity
ALTER TABLE t REPLICA IDENTITY FULL;

-- differs index public.uq: replica_identity
-- differs table public.t: replica_identity
ALTER TABLE t REPLICA IDENTITY USING INDEX uq;

-- differs constraint public.t.t_pkey: replica_identity
-- differs table public.t: replica_identity
ALTER TABLE t REPLICA IDENTITY USING INDEX t_pkey;

-- differs table public.t: row_security
ALTER TABLE t ENABLE ROW LEVEL SECURITY;

-- differs table public.t: row_security_forced
ALTER TABLE t FORCE ROW LEVEL SECURITY;

-- differs index public.ix: clustered
ALTER TABLE t CLUSTER ON ix;

-- differs constraint public.t.t_pkey: clustered
ALTER TABLE t CLUSTER ON t_pkey;

-- differs table public.typed: of_type
ALTER TABLE typed NOT OF;

-- gone constraint public.u.u_fk
ALTER TABLE u DROP CONSTRAINT u_fk;

-- differs constraint public.u.u_fk: definition
ALTER TABLE u ALTER CONSTRAINT u_fk DEFERRABLE INITIALLY DEFERRED;

-- gone constraint public.u.u_ck
-- new constraint public.u.u_ck2
ALTER TABLE u RENAME CONSTRAINT u_ck TO u_ck2;

-- gone constraint public.u.u_ck
ALTER TABLE u DROP CONSTRAINT u_ck;

-- differs constraint public.u.u_fk: definition
ALTER TABLE u DROP CONSTRAINT u_fk; ALTER TABLE u ADD CONSTRAINT u_fk FOREIGN KEY (t_id) REFERENCES t (id) ON DELETE CASCADE;

-- differs constraint public.u.u_fk: definition
ALTER TABLE u DROP CONSTRAINT u_fk; ALTER TABLE u ADD CONSTRAINT u_fk FOREIGN KEY (t_id) REFERENCES t (id) MATCH FULL;

-- differs constraint public.u.u_fk: definition
ALTER TABLE u DROP CONSTRAINT u_fk; ALTER TABLE u ADD CONSTRAINT u_fk FOREIGN KEY (t_id) REFERENCES t (id) NOT VALID;

-- from 15
-- differs constraint public.u.u_fk: definition
ALTER TABLE u DROP CONSTRAINT u_fk;
ALTER TABLE u ADD CONSTRAINT u_fk FOREIGN KEY (t_id) REFERENCES t (id) ON DELETE SET NULL (t_id);

-- from 18
-- differs constraint public.u.u_fk: definition
ALTER TABLE u DROP CONSTRAINT u_fk; ALTER TABLE u ADD CONSTRAINT u_fk FOREIGN KEY (t_id) REFERENCES t (id) NOT ENFORCED;

-- differs constraint public.u.u_ck: definition
ALTER TABLE u DROP CONSTRAINT u_ck; ALTER TABLE u ADD CONSTRAINT u_ck CHECK (n > 0) NO INHERIT;

-- differs constraint public.u.u_ck: definition
ALTER TABLE u DROP CONSTRAINT u_ck; ALTER TABLE u ADD CONSTRAINT u_ck CHECK (n > 0) NOT VALID;

-- from 18
-- differs constraint public.u.u_ck: definition
ALTER TABLE u DROP CONSTRAINT u_ck; ALTER TABLE u ADD CONSTRAINT u_ck CHECK (n > 0) NOT ENFORCED;

-- differs constraint public.u.u_ex: definition
ALTER TABLE u DROP CONSTRAINT u_ex; ALTER TABLE u ADD CONSTRAINT u_ex EXCLUDE USING gist (span WITH -|-);

-- differs constraint public.u.u_uq: definition
ALTER TABLE u DROP CONSTRAINT u_uq; ALTER TABLE u ADD CONSTRAINT u_uq UNIQUE (n) INCLUDE (id) DEFERRABLE;

-- from 15
-- differs constraint public.u.u_uq: definition
ALTER TABLE u DROP CONSTRAINT u_uq; ALTER TABLE u ADD CONSTRAINT u_uq UNIQUE NULLS NOT DISTINCT (n) DEFERRABLE;

-- from 18
-- new constraint public.u.u_time
ALTER TABLE u ADD CONSTRAINT u_time UNIQUE (span, during WITHOUT OVERLAPS);

-- differs constraint public.t.t_pkey: options
ALTER INDEX t_pkey SET (fillfactor = 50);

-- new constraint public.pk.pk_ck
-- new constraint public.pk1.pk_ck
ALTER TABLE pk ADD CONSTRAINT pk_ck CHECK (id < 9);

-- new constraint public.chi.z_ck
-- new constraint public.par.z_ck
ALTER TABLE chi ADD CONSTRAINT z_ck CHECK (z > 0); ALTER TABLE par ADD CONSTRAINT z_ck CHECK (z > 0);

-- gone index public.ix
DROP INDEX ix;

-- new index public.ix2
CREATE INDEX ix2 ON t (a);

-- differs index public.ix: definition
DROP INDEX ix; CREATE INDEX ix ON t (b DESC);

-- differs index public.ix: definition
DROP INDEX ix; CREATE UNIQUE INDEX ix ON t (b);

-- differs index public.ix: definition
DROP INDEX ix; CREATE INDEX ix ON t USING hash (b);

-- differs index public.ix: definition
DROP INDEX ix; CREATE INDEX ix ON t (b) WHERE a > 0;

-- differs index public.ix: definition
DROP INDEX ix; CREATE INDEX ix ON t (b text_pattern_ops);

-- differs index public.ix: definition
DROP INDEX ix; CREATE INDEX ix ON t (b COLLATE "C");

-- differs index public.ix: definition
DROP INDEX ix; CREATE INDEX ix ON t (b) INCLUDE (a);

-- differs index public.ix: definition
ALTER INDEX ix SET (fillfactor = 50);

-- gone index public.ix
-- new index public.ixx
ALTER INDEX ix RENAME TO ixx;

-- differs index public.ix_lower: statistics_targets
ALTER INDEX ix_lower ALTER COLUMN 1 SET STATISTICS 100;

-- differs view public.v: definition
CREATE OR REPLACE VIEW v AS SELECT id, a FROM t WHERE a > 0;

-- differs view public.v: options
ALTER VIEW v SET (security_barrier = true);

-- differs column public.v.a: default
ALTER VIEW v ALTER a SET DEFAULT 5;

-- gone view public.v
DROP VIEW v;

-- gone materialized_view public.m
DROP MATERIALIZED VIEW m;

-- gone index public.m_ix
DROP INDEX m_ix;

-- differs materialized_view public.m: populated
REFRESH MATERIALIZED VIEW m WITH NO DATA;

-- differs function public.f(integer): definition
CREATE OR REPLACE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT x + 1';

-- differs function public.f(integer): definition
ALTER FUNCTION f(int) STABLE;

-- differs function public.f(integer): definition
ALTER FUNCTION f(int) STRICT;

-- differs function public.f(integer): definition
ALTER FUNCTION f(int) SECURITY DEFINER;

-- differs function public.f(integer): definition
ALTER FUNCTION f(int) SET work_mem = '1MB';

-- differs function public.f(integer): definition
ALTER FUNCTION f(int) COST 5;

-- differs function public.f(integer): definition
ALTER FUNCTION f(int) PARALLEL SAFE;

-- differs function public.f(integer): depends_on_extensions
ALTER FUNCTION f(int) DEPENDS ON EXTENSION plpgsql;

-- gone function public.f(integer)
-- new function s2.f(integer)
ALTER FUNCTION f(int) SET SCHEMA s2;

-- new function public.f(text)
CREATE FUNCTION f(x text) RETURNS int LANGUAGE sql AS 'SELECT 1';

-- gone function public.f(integer)
DROP FUNCTION f(int);

-- gone procedure public.p()
DROP PROCEDURE p();

-- gone aggregate public.ag(integer)
DROP AGGREGATE ag(int);

-- differs aggregate public.ag(integer): initial_state
CREATE OR REPLACE AGGREGATE ag(int) (sfunc = int4pl, stype = int, initcond = '1');

-- differs aggregate public.ag(integer): state_function
CREATE OR REPLACE AGGREGATE ag(int) (sfunc = int4mul, stype = int, initcond = '0');

-- differs aggregate public.ag(integer): combine_function
-- differs aggregate public.ag(integer): parallel
CREATE OR REPLACE AGGREGATE ag(int) (sfunc = int4pl, stype = int, initcond = '0', parallel = safe, combinefunc = int4pl);

-- differs aggregate public.ag(integer): moving_initial_state
-- differs aggregate public.ag(integer): moving_inverse_function
-- differs aggregate public.ag(integer): moving_state_function
-- differs aggregate public.ag(integer): moving_state_type
CREATE OR REPLACE AGGREGATE ag(int) (
    sfunc = int4pl, stype = int, initcond = '0', msfunc = int4pl, minvfunc = int4mi, mstype = int, minitcond = '0'
);

-- differs function public.f(integer): rights
REVOKE EXECUTE ON FUNCTION f(int) FROM PUBLIC;

-- gone trigger public.t.tg
DROP TRIGGER tg ON t;

-- differs trigger public.t.tg: definition
DROP TRIGGER tg ON t; CREATE TRIGGER tg BEFORE UPDATE OF a ON t FOR EACH ROW EXECUTE FUNCTION tf();

-- differs trigger public.t.tg: definition
DROP TRIGGER tg ON t;
CREATE TRIGGER tg BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.a > 1) EXECUTE FUNCTION tf('argument');

-- differs trigger public.u.ct: definition
DROP TRIGGER ct ON u;
CREATE CONSTRAINT TRIGGER ct AFTER UPDATE ON u DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tf();

-- gone trigger public.t.tg
-- new trigger public.t.tg2
ALTER TRIGGER tg ON t RENAME TO tg2;

-- differs trigger public.t.tg: enabled
ALTER TABLE t DISABLE TRIGGER tg;

-- differs trigger public.t.tg: enabled
ALTER TABLE t ENABLE REPLICA TRIGGER tg;

-- differs trigger public.t.tg: enabled
ALTER TABLE t ENABLE ALWAYS TRIGGER tg;

-- new trigger public.pt.ptg
-- new trigger public.pt1.ptg (from 15)
CREATE TRIGGER ptg AFTER INSERT ON pt FOR EACH ROW EXECUTE FUNCTION tf();

-- gone rule public.u.r
DROP RULE r ON u;

-- differs rule public.u.r: enabled
ALTER TABLE u DISABLE RULE r;

-- differs rule public.u.r: definition
CREATE OR REPLACE RULE r AS ON DELETE TO u DO ALSO NOTHING;

-- gone policy public.t.pol
DROP POLICY pol ON t;

-- differs policy public.t.pol: using
ALTER POLICY pol ON t USING (a > 1);

-- differs policy public.t.pol: check
ALTER POLICY pol ON t WITH CHECK (a > 1);

-- differs policy public.t.pol: roles
ALTER POLICY pol ON t TO pg_monitor;

-- differs policy public.t.pol: command
-- differs policy public.t.pol: permissive
DROP POLICY pol ON t; CREATE POLICY pol ON t AS RESTRICTIVE FOR SELECT USING (a > 0);

-- differs type public.e: labels
ALTER TYPE e RENAME VALUE 'x' TO 'z';

-- differs type public.e: labels
ALTER TYPE e ADD VALUE 'z' BEFORE 'y';

-- differs type public.comp: attributes
-- new attribute public.comp.c
ALTER TYPE comp ADD ATTRIBUTE c int;

-- differs attribute public.comp.a: type
ALTER TYPE comp ALTER ATTRIBUTE a TYPE bigint;

-- differs type public.comp: attributes
ALTER TYPE comp DROP ATTRIBUTE a; ALTER TYPE comp ADD ATTRIBUTE a int;

-- differs attribute public.comp.b: collation
ALTER TYPE comp ALTER ATTRIBUTE b TYPE text COLLATE "C";

-- gone cast public.comp AS public.row_of
-- gone type public.comp
DROP TYPE comp CASCADE;

-- differs type public.dom: not_null
ALTER DOMAIN dom SET NOT NULL;

-- differs type public.dom: default
ALTER DOMAIN dom SET DEFAULT 3;

-- gone constraint public.dom.dom_check
ALTER DOMAIN dom DROP CONSTRAINT dom_check;

-- gone type public.dom
DROP DOMAIN dom;

-- gone type public.rng
DROP TYPE rng;

-- differs type public.rng: subtype_difference
DROP TYPE rng; CREATE TYPE rng AS RANGE (subtype = int, subtype_diff = int4range_subdiff);

-- differs type public.rng: multirange
-- gone cast public.rng AS public.rng_multirange
-- gone type public.rng_multirange
-- new type public.many
DROP TYPE rng; CREATE TYPE rng AS RANGE (subtype = int, multirange_type_name = many);

-- differs type public.e: rights
REVOKE USAGE ON TYPE e FROM PUBLIC;

-- differs table public.t: type_rights
GRANT USAGE ON TYPE t TO PUBLIC; REVOKE USAGE ON TYPE t FROM PUBLIC;

-- differs sequence public.sq: increment
ALTER SEQUENCE sq INCREMENT 5;

-- differs sequence public.sq: start
ALTER SEQUENCE sq START 5;

-- differs sequence public.sq: maximum
ALTER SEQUENCE sq MAXVALUE 9;

-- differs sequence public.sq: minimum
ALTER SEQUENCE sq MINVALUE -9;

-- differs sequence public.sq: cache
ALTER SEQUENCE sq CACHE 5;

-- differs sequence public.sq: cycle
ALTER SEQUENCE sq CYCLE;

-- differs sequence public.sq: maximum
-- differs sequence public.sq: type
ALTER SEQUENCE sq AS int;

-- differs sequence public.sq: owned_as
-- differs sequence public.sq: owned_by
ALTER SEQUENCE sq OWNED BY t.a;

-- differs sequence public.u_id_seq: owned_as
-- differs sequence public.u_id_seq: owned_by
ALTER SEQUENCE u_id_seq OWNED BY NONE;

-- gone sequence public.sq
DROP SEQUENCE sq;

-- differs table public.t: rights
GRANT SELECT ON t TO PUBLIC;

-- differs table public.t: rights
REVOKE ALL ON t FROM current_user;

-- differs table public.t: rights
GRANT SELECT ON t TO pg_monitor WITH GRANT OPTION;

-- differs column public.t.a: rights
GRANT SELECT (a) ON t TO PUBLIC;

-- differs sequence public.sq: rights
GRANT USAGE ON SEQUENCE sq TO PUBLIC;

-- differs schema s2: rights
GRANT CREATE ON SCHEMA s2 TO PUBLIC;

-- differs schema public: rights
GRANT CREATE ON SCHEMA public TO pg_monitor;

-- differs database current: rights
GRANT CREATE ON DATABASE :database TO PUBLIC;

-- differs large_object 4711: rights
GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC;

-- new default_privileges :owner on tables
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;

-- new default_privileges :owner on functions
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- differs default_privileges :owner on tables in s2: rights
ALTER DEFAULT PRIVILEGES IN SCHEMA s2 GRANT INSERT ON TABLES TO pg_monitor;

-- differs table public.t: comment
COMMENT ON TABLE t IS 'x';

-- differs column public.t.a: comment
COMMENT ON COLUMN t.a IS 'x';

-- differs view public.v: comment
COMMENT ON VIEW v IS 'x';

-- differs materialized_view public.m: comment
COMMENT ON MATERIALIZED VIEW m IS 'x';

-- differs foreign_table public.ft: comment
COMMENT ON FOREIGN TABLE ft IS 'x';

-- differs sequence public.sq: comment
COMMENT ON SEQUENCE sq IS 'x';

-- differs index public.ix: comment
COMMENT ON INDEX ix IS 'x';

-- differs constraint public.t.t_pkey: index_comment
COMMENT ON INDEX t_pkey IS 'x';

-- differs constraint public.u.u_ck: comment
COMMENT ON CONSTRAINT u_ck ON u IS 'x';

-- differs constraint public.dom.dom_check: comment
COMMENT ON CONSTRAINT dom_check ON DOMAIN dom IS 'x';

-- differs function public.f(integer): comment
COMMENT ON FUNCTION f(int) IS 'x';

-- differs procedure public.p(): comment
COMMENT ON PROCEDURE p() IS 'x';

-- differs aggregate public.ag(integer): comment
COMMENT ON AGGREGATE ag(int) IS 'x';

-- differs trigger public.t.tg: comment
COMMENT ON TRIGGER tg ON t IS 'x';

-- differs rule public.u.r: comment
COMMENT ON RULE r ON u IS 'x';

-- differs policy public.t.pol: comment
COMMENT ON POLICY pol ON t IS 'x';

-- differs statistics public.st: comment
COMMENT ON STATISTICS st IS 'x';

-- differs schema s2: comment
COMMENT ON SCHEMA s2 IS 'x';

-- differs schema public: comment
COMMENT ON SCHEMA public IS 'x';

-- differs type public.e: comment
COMMENT ON TYPE e IS 'x';

-- differs type public.comp: comment
COMMENT ON TYPE comp IS 'x';

-- differs attribute public.comp.a: comment
COMMENT ON COLUMN comp.a IS 'x';

-- differs type public.dom: comment
COMMENT ON DOMAIN dom IS 'x';

-- differs collation public.col: comment
COMMENT ON COLLATION col IS 'x';

-- differs operator public.===(integer,integer): comment
COMMENT ON OPERATOR === (int, int) IS 'x';

-- differs cast public.comp AS public.row_of: comment
COMMENT ON CAST (comp AS row_of) IS 'x';

-- differs text_search_configuration public.tsc: comment
COMMENT ON TEXT SEARCH CONFIGURATION tsc IS 'x';

-- differs text_search_dictionary public.tsd: comment
COMMENT ON TEXT SEARCH DICTIONARY tsd IS 'x';

-- differs publication pub: comment
COMMENT ON PUBLICATION pub IS 'x';

-- differs large_object 4711: comment
COMMENT ON LARGE OBJECT 4711 IS 'x';

-- differs database current: comment
COMMENT ON DATABASE :database IS 'x';

-- gone statistics public.st
DROP STATISTICS st;

-- differs statistics public.st: target
ALTER STATISTICS st SET STATISTICS 10;

-- differs statistics public.st: definition
DROP STATISTICS st; CREATE STATISTICS st (ndistinct) ON a, b FROM t;

-- differs statistics public.st: definition
DROP STATISTICS st; CREATE STATISTICS st ON a, (lower(b)) FROM t;

-- gone publication pub
DROP PUBLICATION pub;

-- differs publication pub: tables
ALTER PUBLICATION pub DROP TABLE t;

-- differs publication pub: tables
ALTER PUBLICATION pub ADD TABLE u;

-- differs publication pub: publishes
ALTER PUBLICATION pub SET (publish = 'insert');

-- differs publication pub: via_root
ALTER PUBLICATION pub SET (publish_via_partition_root = true);

-- from 18
-- differs publication pub: generated_columns
ALTER PUBLICATION pub SET (publish_generated_columns = stored);

-- from 15
-- differs publication pub: tables
ALTER PUBLICATION pub SET TABLE t (id, c);

-- from 15
-- differs publication pub: tables
ALTER PUBLICATION pub SET TABLE t WHERE (id > 5);

-- gone default_privileges :owner on tables in s2
-- gone schema s2
DROP SCHEMA s2;

-- gone default_privileges :owner on tables in s2
-- gone schema s2
-- new default_privileges :owner on tables in s3
-- new schema s3
ALTER SCHEMA s2 RENAME TO s3;

-- new schema "A.b"
-- new table "A.b"."c.d"
CREATE SCHEMA "A.b" CREATE TABLE "c.d" ("e.f" int);

-- new extension hstore
CREATE EXTENSION hstore;

-- differs column public.pt1.d: inherited
-- differs column public.pt1.d: local
-- differs column public.pt1.id: inherited
-- differs column public.pt1.id: local
-- differs table public.pt1: inherits
-- differs table public.pt1: partition_bound
ALTER TABLE pt DETACH PARTITION pt1;

-- new table public.pt2
CREATE TABLE pt2 PARTITION OF pt DEFAULT;

-- new table public.pt2
CREATE TABLE pt2 PARTITION OF pt FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');

-- new index public.pt1_id_idx
-- new index public.pt_ix
CREATE INDEX pt_ix ON pt (id);

-- differs column public.chi.z: inherited
-- differs column public.chi.z: local
-- differs table public.chi: inherits
ALTER TABLE chi NO INHERIT par;

-- new column public.chi.y
-- new column public.par.y
ALTER TABLE chi ADD y int; ALTER TABLE par ADD y int;

-- gone foreign_table public.ft
DROP FOREIGN TABLE ft;

-- differs foreign_table public.ft: foreign_options
ALTER FOREIGN TABLE ft OPTIONS (ADD x '1');

-- differs column public.ft.a: foreign_options
ALTER FOREIGN TABLE ft ALTER a OPTIONS (ADD x '1');

-- gone collation public.col
DROP COLLATION col;

-- differs collation public.col: ctype
-- differs collation public.col: encoding
DROP COLLATION col; CREATE COLLATION col (lc_collate = 'C', lc_ctype = 'POSIX');

-- differs text_search_configuration public.tsc: mappings
ALTER TEXT SEARCH CONFIGURATION tsc DROP MAPPING FOR word;

-- differs text_search_configuration public.tsc: mappings
ALTER TEXT SEARCH CONFIGURATION tsc ALTER MAPPING FOR word WITH english_stem, simple;

-- differs text_search_dictionary public.tsd: options
ALTER TEXT SEARCH DICTIONARY tsd (accept = false);

-- gone text_search_dictionary public.tsd
DROP TEXT SEARCH DICTIONARY tsd;

-- gone operator public.===(integer,integer)
DROP OPERATOR === (int, int);

-- differs operator public.===(integer,integer): join
-- differs operator public.===(integer,integer): restrict
ALTER OPERATOR === (int, int) SET (RESTRICT = eqsel, JOIN = eqjoinsel);

-- differs operator public.===(integer,integer): commutator
-- differs operator public.===(integer,integer): hashes
-- differs operator public.===(integer,integer): merges
DROP OPERATOR === (int, int);
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = same_as, COMMUTATOR = ===, HASHES, MERGES);

-- gone cast public.comp AS public.row_of
DROP CAST (comp AS row_of);

-- differs cast public.comp AS public.row_of: context
DROP CAST (comp AS row_of); CREATE CAST (comp AS row_of) WITH INOUT AS ASSIGNMENT;

-- new conversion public.cv
CREATE CONVERSION cv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;

-- differs setting all roles: work_mem: value
ALTER DATABASE :database SET work_mem = '9MB';

-- gone setting all roles: work_mem
ALTER DATABASE :database RESET work_mem;

-- new setting :owner: work_mem
ALTER ROLE current_user IN DATABASE :database SET work_mem = '9MB';

-- differs database current: connection_limit
ALTER DATABASE :database CONNECTION LIMIT 7;

-- new large_object 4712
SELECT lo_create(4712);

-- gone large_object 4711
SELECT lo_unlink(4711);

-- from 15
-- differs table public.par: access_method
ALTER TABLE par SET ACCESS METHOD am2;

-- gone function public.base_in(cstring,oid,integer)
-- gone function public.base_out(public.base)
-- gone type public.base
DROP TYPE base CASCADE;

-- gone family_function public.oc USING btree: 1 (integer, integer)
-- gone family_operator public.oc USING btree: 1 (integer, integer)
-- gone family_operator public.oc USING btree: 2 (integer, integer)
-- gone family_operator public.oc USING btree: 3 (integer, integer)
-- gone family_operator public.oc USING btree: 4 (integer, integer)
-- gone family_operator public.oc USING btree: 5 (integer, integer)
-- gone operator_class public.oc USING btree
DROP OPERATOR CLASS oc USING btree;

-- gone operator_family public.fam USING btree
DROP OPERATOR FAMILY fam USING btree;

-- new cast integer AS public.comp
CREATE CAST (int AS comp) WITH INOUT;

-- gone text_search_parser public.tp
DROP TEXT SEARCH PARSER tp;

-- gone text_search_template public.tt
DROP TEXT SEARCH TEMPLATE tt;
