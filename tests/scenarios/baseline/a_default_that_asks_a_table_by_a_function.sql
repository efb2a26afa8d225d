-- has: DROP DEFAULT;
CREATE FUNCTION first_post() RETURNS bigint STABLE BEGIN ATOMIC SELECT min(id) FROM blog_post; END;
ALTER TABLE blog_author ADD p bigint DEFAULT first_post();
