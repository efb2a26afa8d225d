CREATE FUNCTION one() RETURNS int LANGUAGE sql IMMUTABLE RETURN 1;
CREATE FUNCTION good(text) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT $1 <> '' $$;
ALTER TABLE blog_post ADD a int DEFAULT one(), ADD CHECK (good(title)), ADD g int GENERATED ALWAYS AS (one()) STORED;
CREATE INDEX i ON blog_post (one(), good(body));
