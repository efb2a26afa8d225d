-- has: 'key'
-- has: 'index'
COMMENT ON TABLE blog_post IS 'it''s; -- migrate:down';
COMMENT ON COLUMN blog_post.title IS E'two\n-- migrate:down\nlines';
COMMENT ON CONSTRAINT blog_post_pkey ON blog_post IS 'key';
COMMENT ON INDEX blog_author_pkey IS 'index';
CREATE INDEX i ON blog_post (title);
COMMENT ON INDEX i IS 'i';
COMMENT ON SEQUENCE blog_post_id_seq IS 'seq';
