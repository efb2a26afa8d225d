-- SQL-standard bodies: the one place where a semicolon outside parentheses ends nothing.
CREATE FUNCTION empty() RETURNS void BEGIN ATOMIC END;
CREATE FUNCTION one() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1; END;
create or replace function lower_case(a integer) returns integer begin atomic select a; end;
CREATE PROCEDURE proc(a integer, b text DEFAULT ';') LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO t VALUES (a, b);
    UPDATE t SET a = 1 WHERE b = 'it''s; END;';
    DELETE FROM t;
END;
CREATE OR REPLACE PROCEDURE with_case(a integer) BEGIN ATOMIC
    INSERT INTO t SELECT CASE WHEN a > 0 THEN CASE a WHEN 1 THEN 'x;' END ELSE 'y' END;
    SELECT CASE a WHEN 1 THEN 2 END;
    UPDATE t SET b = CASE WHEN true THEN 1 END WHERE CASE WHEN true THEN true END;
END;
CREATE FUNCTION label_end() RETURNS integer BEGIN ATOMIC SELECT a end FROM t; SELECT 1 AS end; SELECT 1 AS "end"; END;
CREATE FUNCTION quoted_end() RETURNS integer BEGIN ATOMIC SELECT 1 "end"; SELECT t."end" FROM t "end"; END;
CREATE FUNCTION dotted_end() RETURNS integer BEGIN ATOMIC SELECT t.end FROM t; RETURN (SELECT t.end FROM t); END;
CREATE FUNCTION comments() RETURNS integer BEGIN /* a; */ ATOMIC -- END;
    /* END; */ SELECT 1 -- ;
    ; -- END
    /* ; */ END /* ; */;
CREATE FUNCTION empty_statements() RETURNS void BEGIN ATOMIC ;; SELECT 1;; ; END;
CREATE FUNCTION returns_only() RETURNS integer BEGIN ATOMIC RETURN 1; END;
CREATE FUNCTION in_parentheses() RETURNS integer BEGIN ATOMIC SELECT (SELECT (CASE WHEN true THEN 1 END) AS end); END;
CREATE FUNCTION strings() RETURNS text BEGIN ATOMIC SELECT $$; END; $$; SELECT E'\'; END;'; SELECT U&'\003B; END'; END;
CREATE FUNCTION names() RETURNS text BEGIN ATOMIC SELECT endless, ending FROM atomic_things, begin_atomic; END;
CREATE FUNCTION begins(begin integer, atomic integer) RETURNS integer BEGIN ATOMIC SELECT begin + atomic; END;
CREATE FUNCTION alias() RETURNS integer BEGIN ATOMIC SELECT begin atomic FROM t; SELECT begin AS atomic FROM t; END;
CREATE FUNCTION merges() RETURNS void BEGIN ATOMIC
    MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = s.b WHEN NOT MATCHED THEN DO NOTHING;
    WITH w AS (INSERT INTO t DEFAULT VALUES RETURNING a) SELECT CASE WHEN a = 1 THEN a END AS end FROM w;
END;
CREATE FUNCTION options_after() RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = a, b
BEGIN ATOMIC SELECT 1; END;
CREATE FUNCTION many_words(a integer, b integer) RETURNS TABLE (a1 integer, a2 integer) LANGUAGE sql BEGIN ATOMIC
    SELECT 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29;
    SELECT 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29;
    SELECT CASE WHEN 1 = 1 THEN 1 END;
END;
CREATE FUNCTION
    "begin atomic"() RETURNS integer LANGUAGE sql RETURN 1;
CREATE TABLE atomic (atomic integer, begin integer);
SELECT begin atomic FROM atomic;
SELECT begin.atomic FROM begin, atomic;
SELECT 1 AS begin, 2 AS atomic;
INSERT INTO atomic SELECT begin atomic FROM atomic;
BEGIN;
SELECT begin atomic FROM t;
END;
BEGIN WORK;
COMMIT AND CHAIN;
END TRANSACTION;
SELECT 'the last'
