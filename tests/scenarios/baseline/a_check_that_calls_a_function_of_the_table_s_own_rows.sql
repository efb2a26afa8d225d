-- has: ALTER TABLE blog_post DROP CONSTRAINT "c";
CREATE FUNCTION of_row(blog_post) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
ALTER TABLE blog_post ADD CONSTRAINT c CHECK (of_row(blog_post.*));
