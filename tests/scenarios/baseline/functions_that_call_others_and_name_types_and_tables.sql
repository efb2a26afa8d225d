-- has: CREATE FUNCTION helper(
-- has: unaccent
-- has: CREATE TYPE mood
CREATE EXTENSION unaccent;
CREATE TYPE mood AS ENUM ('a');
CREATE FUNCTION helper(text) RETURNS text LANGUAGE sql AS $$ SELECT unaccent($1) $$;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE m mood := 'a'; p blog_post%ROWTYPE; BEGIN NEW.title := helper(NEW.title); RETURN NEW; END $$;
CREATE TRIGGER t BEFORE INSERT ON blog_post FOR EACH ROW EXECUTE FUNCTION f();
