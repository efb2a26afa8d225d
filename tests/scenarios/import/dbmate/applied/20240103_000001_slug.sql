-- migrate:up
ALTER TABLE posts ADD COLUMN slug text
    GENERATED ALWAYS AS (lower(body)) STORED;

-- migrate:down
ALTER TABLE posts DROP COLUMN slug;
