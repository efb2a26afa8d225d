-- Bodies in dollar quotes, in every shape.
CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS $$ SELECT 1; $$;
CREATE FUNCTION no_space() RETURNS integer AS $$SELECT 1;$$LANGUAGE sql;
CREATE FUNCTION tag_first() RETURNS integer AS $body$SELECT 1;$body$LANGUAGE sql STABLE;
CREATE OR REPLACE FUNCTION add(a integer, b integer DEFAULT 0) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE
AS $function$
BEGIN
    -- it's; a comment
    RETURN a + b; /* ; */
END;
$function$;
CREATE FUNCTION nested() RETURNS void LANGUAGE plpgsql AS $outer$
BEGIN
    EXECUTE $inner$ SELECT $$;$$; $inner$;
    EXECUTE $Outer$ not the end; $Outer$;
    PERFORM $_$ ' ; " -- $_$;
END $outer$;
CREATE FUNCTION "raise"(name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    c CONSTANT text := 'it''s; ' || E'it\'s;';
BEGIN
    RAISE NOTICE '% of 100 %%; %', name, c;
    IF name IS NULL THEN RAISE EXCEPTION USING errcode = '22004', message = 'no; name'; END IF;
    FOR i IN 1..10 LOOP
        CONTINUE WHEN i % 2 = 0;
    END LOOP;
    CASE name WHEN 'a' THEN NULL; ELSE NULL; END CASE;
EXCEPTION WHEN others THEN
    NULL;
END
$$;
CREATE FUNCTION in_quotes() RETURNS text LANGUAGE sql AS 'SELECT ''a;b''; -- c';
CREATE FUNCTION in_escapes() RETURNS text LANGUAGE sql AS E'SELECT \'a;b\'; -- c';
CREATE FUNCTION unicode_tag() RETURNS text LANGUAGE sql AS $é_1$ SELECT 'é;$e_1$'; $é_1$;
CREATE FUNCTION of_c(integer) RETURNS integer AS 'library;name', 'symbol;name' LANGUAGE c STRICT;
CREATE FUNCTION arguments(IN "a;b" text, OUT c text, VARIADIC d text[]) LANGUAGE sql AS $_$ SELECT $1; $_$;
CREATE FUNCTION a_table(n integer) RETURNS TABLE (a integer, b text) LANGUAGE sql ROWS 10 COST 5
    SET search_path = pg_catalog, "x;y" SET work_mem TO '1MB' AS $$ SELECT 1, ';' $$;
CREATE FUNCTION returned(n integer) RETURNS integer RETURN n + 1;
CREATE FUNCTION returned_case(n integer) RETURNS integer
    LANGUAGE sql RETURN CASE WHEN n > 0 THEN n ELSE CASE n WHEN 0 THEN 1 END END;
CREATE PROCEDURE proc(INOUT n integer) LANGUAGE plpgsql AS $$ BEGIN COMMIT; n := 1; END; $$;
CREATE FUNCTION atomic(atomic integer) RETURNS integer LANGUAGE sql AS $$ SELECT atomic; END; $$;
CREATE FUNCTION begin_atomic() RETURNS integer LANGUAGE sql AS $$ BEGIN ATOMIC; $$;
DO $$ BEGIN PERFORM 1; END $$;
DO LANGUAGE plpgsql $do$ BEGIN EXECUTE 'SELECT '';'''; END $do$;
DO 'BEGIN PERFORM 1; END';
CALL proc(1);
DROP FUNCTION IF EXISTS add(integer, integer), one() CASCADE;
ALTER FUNCTION one() SET search_path TO '';
ALTER ROUTINE one() RENAME TO two;
COMMENT ON FUNCTION one() IS $$It's one; really$$;
CREATE AGGREGATE total(numeric) (SFUNC = numeric_add, STYPE = numeric, INITCOND = '0');
CREATE OPERATOR === (LEFTARG = box, RIGHTARG = box, FUNCTION = area_equal, COMMUTATOR = ===);
CREATE CAST (text AS casted) WITH FUNCTION casted(text) AS ASSIGNMENT
