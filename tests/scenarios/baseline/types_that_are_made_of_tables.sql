CREATE TYPE with_post AS (p blog_post, n int);
CREATE DOMAIN posts AS blog_post[];
ALTER TABLE blog_author ADD w with_post, ADD ps posts;
