CREATE UNIQUE INDEX u ON blog_author (name);
ALTER TABLE blog_author REPLICA IDENTITY USING INDEX u;
ALTER TABLE blog_post CLUSTER ON blog_post_pkey;
