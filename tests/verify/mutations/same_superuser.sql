ALTER TABLE u DISABLE TRIGGER ALL; ALTER TABLE u ENABLE TRIGGER ALL;

ALTER TABLE t OWNER TO pg_monitor; ALTER TABLE t OWNER TO :owner;

GRANT EXECUTE ON FUNCTION pg_stat_reset() TO pg_monitor; REVOKE EXECUTE ON FUNCTION pg_stat_reset() FROM pg_monitor;

GRANT USAGE ON TYPE int4 TO pg_monitor; REVOKE USAGE ON TYPE int4 FROM pg_monitor;

GRANT SELECT ON pg_statistic TO pg_monitor; REVOKE SELECT ON pg_statistic FROM pg_monitor;

GRANT EXECUTE ON FUNCTION similarity(text, text) TO pg_monitor; REVOKE EXECUTE ON FUNCTION similarity(text, text) FROM pg_monitor;

ALTER OPERATOR FAMILY integer_ops USING btree ADD FUNCTION 1 (int, numeric) int_numeric(int, numeric);
ALTER OPERATOR FAMILY integer_ops USING btree DROP FUNCTION 1 (int, numeric);

ALTER USER MAPPING FOR PUBLIC SERVER srv OPTIONS (SET password 'that is neither shown nor compared');
