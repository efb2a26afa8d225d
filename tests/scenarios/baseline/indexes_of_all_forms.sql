-- has: DROP EXTENSION
CREATE EXTENSION pg_trgm;
CREATE INDEX a ON blog_post USING gin (title gin_trgm_ops);
CREATE UNIQUE INDEX b ON blog_post (lower(title) DESC NULLS LAST, author_id) INCLUDE (body) WITH (fillfactor=70)
    WHERE author_id IS NOT NULL;
CREATE INDEX c ON blog_post USING brin (id) WITH (pages_per_range = 8);
ALTER INDEX b ALTER COLUMN 1 SET STATISTICS 300;
CREATE INDEX d ON blog_post (title text_pattern_ops);
