-- migrate:up
INSERT INTO posts (author, body) SELECT id, 'Hello; ' || "E-Mail" FROM users ORDER BY id;
DO $do$ BEGIN EXECUTE 'ALTER TABLE users ADD COLUMN posts int'; END $do$;
UPDATE users SET posts = (SELECT count(*) FROM posts WHERE author = users.id), changed = '2024-01-01';
ALTER TABLE users DISABLE TRIGGER touch;

-- migrate:down
ALTER TABLE users ENABLE TRIGGER touch;
ALTER TABLE users DROP COLUMN posts;
DELETE FROM posts;
