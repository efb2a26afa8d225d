ALTER TABLE blog_post SET (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false);
ALTER TABLE blog_post ALTER body SET STORAGE EXTERNAL, ALTER title SET STATISTICS 500, ALTER title SET (n_distinct
    = -0.5), ALTER body SET COMPRESSION pglz;
CREATE STATISTICS st (ndistinct, mcv) ON title, author_id FROM blog_post;
ALTER STATISTICS st SET STATISTICS 50;
COMMENT ON STATISTICS st IS 's';
CREATE UNLOGGED TABLE more () INHERITS (blog_author);
ALTER TABLE blog_post REPLICA IDENTITY FULL;
