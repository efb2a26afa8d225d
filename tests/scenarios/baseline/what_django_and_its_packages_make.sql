-- has: CREATE EXTENSION IF NOT EXISTS "hstore"
CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE EXTENSION ltree;
ALTER TABLE blog_post ADD h hstore DEFAULT '' NOT NULL, ADD c citext[] NOT NULL DEFAULT '{}', ADD l ltree,
    ADD s tsvector GENERATED ALWAYS AS (to_tsvector('english', title)) STORED;
CREATE INDEX gin_h ON blog_post USING gin (h);
CREATE INDEX gist_l ON blog_post USING gist (l gist_ltree_ops (siglen = 100)) INCLUDE (id);
CREATE INDEX spgist_n ON blog_post USING spgist (title);
CREATE TRIGGER search BEFORE INSERT OR UPDATE ON blog_post FOR EACH ROW EXECUTE FUNCTION
    tsvector_update_trigger('s', 'pg_catalog.english', 'title');
DROP TRIGGER search ON blog_post;
CREATE TRIGGER same BEFORE UPDATE ON blog_post FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE blog_post DROP CONSTRAINT blog_post_pkey;
ALTER TABLE blog_post ADD CONSTRAINT "PK_blog" PRIMARY KEY (id);
CREATE UNIQUE INDEX by_both ON blog_post (author_id, upper(title)) WHERE c <> '{}';
