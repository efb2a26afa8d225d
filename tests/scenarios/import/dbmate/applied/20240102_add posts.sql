-- migrate:up
/* A block comment; /* within another */ */
CREATE TABLE posts (
    id bigserial PRIMARY KEY,
    author bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    body text NOT NULL DEFAULT $body$none; yet$body$
);
COMMENT ON TABLE posts IS 'what users write';
CREATE VIEW authors AS SELECT u.id, count(*) AS posts FROM users u JOIN posts p ON p.author = u.id GROUP BY u.id

-- migrate:down
DROP VIEW authors;
DROP TABLE posts
