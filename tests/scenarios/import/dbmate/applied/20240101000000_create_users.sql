-- Users, and when they were changed.
--
-- dbmate takes free comments here.

-- migrate:up
CREATE TYPE user_state AS ENUM ('new', 'it''s active');

CREATE TABLE users (
    id bigserial PRIMARY KEY,
    "E-Mail" text NOT NULL UNIQUE, -- a semicolon; in a comment
    state user_state NOT NULL DEFAULT 'new',
    changed date
);

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- a semicolon; and a quote ' in a body
    NEW.changed := date '2024-02-03';
    RETURN NEW;
END;
$$;

CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();

INSERT INTO users ("E-Mail") VALUES ('grüße@example.org'), (E'tab\tand ''quote''; --no comment');

-- migrate:down
DROP TABLE users;
DROP FUNCTION touch();
DROP TYPE user_state;
