-- has: CREATE INDEX blog_post_old_idx ON blog_post USING btree (heading)
ALTER TABLE blog_post ADD gone int;
CREATE INDEX blog_post_old_idx ON blog_post (title);
ALTER TABLE blog_post DROP gone;
ALTER TABLE blog_post RENAME title TO heading;
