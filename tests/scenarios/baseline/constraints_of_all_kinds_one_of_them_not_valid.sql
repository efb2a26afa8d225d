-- has: CREATE EXTENSION IF NOT EXISTS
-- has: ADD CONSTRAINT "n" CHECK (body <> ''::text) NOT VALID
CREATE EXTENSION btree_gist;
ALTER TABLE blog_post ADD during tsrange, ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (title) INCLUDE (body) WITH
    (fillfactor = 60) DEFERRABLE, ADD CONSTRAINT c CHECK (title <> '') NO INHERIT, ADD CONSTRAINT x EXCLUDE USING
    gist (author_id WITH =, during WITH &&) WHERE (author_id > 3), ADD CONSTRAINT n CHECK (body <> '') NOT VALID;
