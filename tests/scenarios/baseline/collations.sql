-- has: CREATE COLLATION plain
-- has: DROP COLLATION plain;
CREATE COLLATION plain FROM "C";
COMMENT ON COLLATION plain IS 'bytes';
CREATE COLLATION two (LC_COLLATE = 'C', LC_CTYPE = 'C.UTF-8');
ALTER TABLE blog_post ADD n text COLLATE two, ADD p text;
CREATE INDEX ip ON blog_post (p COLLATE plain);
