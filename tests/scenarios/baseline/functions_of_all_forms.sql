-- has: CREATE PROCEDURE clean(
CREATE FUNCTION one(VARIADIC "Many" int[] DEFAULT '{1}', OUT a int, OUT b text) RETURNS SETOF record LANGUAGE plpgsql STABLE
    PARALLEL SAFE COST 7 ROWS 3 AS $x$ BEGIN RETURN QUERY SELECT 1, '$function$ ; -- migrate:down'::text; END $x$;
CREATE PROCEDURE clean(INOUT n int) LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION "Two ""q"""(a numeric, b text = 'x') RETURNS numeric LANGUAGE sql IMMUTABLE STRICT SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET work_mem = '4MB' AS $$ SELECT $1 $$;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM one(1, 2);
    CALL clean(3);
    -- migrate:down
    RETURN NEW;
END $$;
COMMENT ON FUNCTION f() IS 'it''s';
CREATE TRIGGER t BEFORE INSERT ON blog_post FOR EACH ROW EXECUTE FUNCTION f();
ALTER TABLE blog_post ADD c numeric DEFAULT "Two ""q"""(1);
