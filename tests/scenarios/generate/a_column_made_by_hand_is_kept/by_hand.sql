ALTER TABLE blog_book ADD search tsvector GENERATED ALWAYS AS (to_tsvector('simple', title)) STORED; CREATE INDEX search_ix ON blog_book USING gin (search);
