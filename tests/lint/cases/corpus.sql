-- An index on a table in use
-- finds index-build post
CREATE INDEX post_author_idx ON post (author_id);

-- An index on a new table
CREATE TABLE tag (id bigint PRIMARY KEY, name text);
CREATE INDEX tag_name_idx ON tag (name);

-- An index that is built concurrently
-- transaction:false
CREATE INDEX CONCURRENTLY post_author_idx ON post (author_id);

-- A unique index
-- finds index-build post
CREATE UNIQUE INDEX post_slug_uniq ON post (slug);

-- An index that is dropped
DROP INDEX post_slug_idx;

-- An index of a new table that is dropped
CREATE TABLE tag (id bigint PRIMARY KEY, name text);
CREATE INDEX i ON tag(name);
DROP INDEX i;

-- A column that may be NULL
ALTER TABLE post ADD COLUMN summary text;

-- A column with a constant default
ALTER TABLE post ADD COLUMN rank bigint NOT NULL DEFAULT 0;

-- A column with another default for each row
-- finds rewrite post
ALTER TABLE post ADD COLUMN guid uuid NOT NULL DEFAULT gen_random_uuid();

-- A column with the time of the transaction
ALTER TABLE post ADD COLUMN at timestamptz NOT NULL DEFAULT now();

-- A column with the time of the clock
-- finds rewrite post
ALTER TABLE post ADD COLUMN at timestamptz NOT NULL DEFAULT clock_timestamp();

-- A column with a stable function of a user's
-- given CREATE FUNCTION f() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
ALTER TABLE post ADD COLUMN n int DEFAULT f();

-- A column that is required and has no default
-- empty
-- finds required-column post
ALTER TABLE post ADD COLUMN n bigint NOT NULL;

-- A column of type bigserial
-- finds rewrite post
ALTER TABLE post ADD COLUMN n bigserial;

-- An identity column
-- finds rewrite post
ALTER TABLE post ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY;

-- A stored generated column
-- finds rewrite post
ALTER TABLE post ADD COLUMN t text GENERATED ALWAYS AS (upper(title)) STORED;

-- A column of a domain that has a check
-- given CREATE DOMAIN posint AS int CHECK (VALUE > 0);
-- finds rewrite post
ALTER TABLE post ADD COLUMN d posint;

-- A column with a check
-- finds scan post
ALTER TABLE post ADD COLUMN n int CHECK (n > 0);

-- A column with a foreign key
ALTER TABLE post ADD COLUMN editor_id bigint REFERENCES author (id);

-- A column becomes NOT NULL
-- finds scan post
ALTER TABLE post ALTER COLUMN slug SET NOT NULL;

-- A column becomes NOT NULL that a check proves to be
-- given ALTER TABLE post ADD CONSTRAINT c CHECK (slug IS NOT NULL);
ALTER TABLE post ALTER COLUMN slug SET NOT NULL;
ALTER TABLE post DROP CONSTRAINT c;

-- A column may be NULL again
ALTER TABLE post ALTER COLUMN title DROP NOT NULL;

-- A check
-- finds scan post
ALTER TABLE post ADD CONSTRAINT c CHECK (views >= 0);

-- A check that is NOT VALID
ALTER TABLE post ADD CONSTRAINT c CHECK (views >= 0) NOT VALID;

-- A check is validated that an earlier migration has added
-- given ALTER TABLE post ADD CONSTRAINT c CHECK (views >= 0) NOT VALID;
ALTER TABLE post VALIDATE CONSTRAINT c;

-- A check is validated in the transaction that adds it
-- finds held post
ALTER TABLE post ADD CONSTRAINT c CHECK (views >= 0) NOT VALID;
ALTER TABLE post VALIDATE CONSTRAINT c;

-- A foreign key
-- finds scan post author
ALTER TABLE post ADD CONSTRAINT fk FOREIGN KEY (author_id) REFERENCES author (id);

-- A foreign key that is NOT VALID
ALTER TABLE post ADD CONSTRAINT fk FOREIGN KEY (author_id) REFERENCES author (id) NOT VALID;

-- A new table with a foreign key
CREATE TABLE comment (id bigint PRIMARY KEY, post_id bigint NOT NULL REFERENCES post (id));

-- A new table that gets a foreign key
CREATE TABLE comment (id bigint PRIMARY KEY, post_id bigint NOT NULL);
ALTER TABLE comment ADD CONSTRAINT fk FOREIGN KEY (post_id) REFERENCES post (id) DEFERRABLE INITIALLY DEFERRED;

-- A unique constraint
-- finds index-build post
ALTER TABLE post ADD CONSTRAINT u UNIQUE (slug);

-- A unique constraint over an index that is there
-- given CREATE UNIQUE INDEX u ON post (slug);
ALTER TABLE post ADD CONSTRAINT u UNIQUE USING INDEX u;

-- A primary key over an index of a column that may be NULL
-- given CREATE UNIQUE INDEX u ON plain (a);
-- finds scan plain
ALTER TABLE plain ADD PRIMARY KEY USING INDEX u;

-- A primary key
-- finds index-build plain
ALTER TABLE plain ADD PRIMARY KEY (a);

-- An exclusion constraint
-- finds index-build plain
ALTER TABLE plain ADD CONSTRAINT e EXCLUDE USING btree (a WITH =);

-- An integer becomes a bigint
-- finds rewrite post
ALTER TABLE post ALTER COLUMN views TYPE bigint;

-- A varchar becomes longer
ALTER TABLE author ALTER COLUMN name TYPE varchar(200);

-- A varchar becomes a text
ALTER TABLE author ALTER COLUMN name TYPE text;

-- A varchar becomes shorter
-- finds rewrite author
ALTER TABLE author ALTER COLUMN name TYPE varchar(50);

-- A text becomes a varchar
-- finds rewrite author
ALTER TABLE author ALTER COLUMN note TYPE varchar(50);

-- A numeric becomes wider
ALTER TABLE author ALTER COLUMN score TYPE numeric(12,2);

-- A numeric gets another scale
-- finds rewrite author
ALTER TABLE author ALTER COLUMN score TYPE numeric(12,3);

-- A timestamp gets a time zone in UTC
SET LOCAL TimeZone = 'UTC';
ALTER TABLE author ALTER COLUMN birth TYPE timestamptz;

-- A timestamp gets a time zone elsewhere
-- finds rewrite author
SET LOCAL TimeZone = 'Europe/Berlin';
ALTER TABLE author ALTER COLUMN birth TYPE timestamptz;

-- A varchar with an index becomes a text
-- given ALTER TABLE post ALTER COLUMN slug TYPE varchar(50);
-- given CREATE INDEX xx ON post (slug varchar_pattern_ops);
ALTER TABLE post ALTER COLUMN slug TYPE text;

-- A column is dropped
-- finds drop-column post
ALTER TABLE post DROP COLUMN state;

-- A table is dropped
-- finds drop-table plain
DROP TABLE plain;

-- A column is renamed
-- finds rename-column post
ALTER TABLE post RENAME COLUMN state TO status;

-- A table is renamed
-- finds rename-table plain
ALTER TABLE plain RENAME TO simple;

-- An index is renamed
ALTER INDEX post_slug_idx RENAME TO post_slug_ix;

-- A table is truncated
-- finds loss plain
TRUNCATE plain;

-- All rows are deleted
-- finds loss plain
DELETE FROM plain;

-- All rows are updated
-- finds bulk-update post
UPDATE post SET state = 'old';

-- Few rows are updated
UPDATE post SET state = 'old' WHERE id < 5;

-- All rows are updated while a lock is held
-- finds bulk-update post
-- finds held post
ALTER TABLE post ADD COLUMN n int;
UPDATE post SET n = views;

-- An index is built while another table is locked
-- finds index-build post
-- finds held author
ALTER TABLE author ADD COLUMN n int;
CREATE INDEX post_author_idx ON post (author_id);

-- A table is vacuumed in full
-- transaction:false
-- finds rewrite post
VACUUM FULL post;

-- A table is clustered
-- finds rewrite post
CLUSTER post USING post_slug_idx;

-- The indexes of a table are built anew
-- finds index-build post
REINDEX TABLE post;

-- A materialized view is refreshed
-- finds rewrite post_m
REFRESH MATERIALIZED VIEW post_m;

-- A materialized view is refreshed concurrently
REFRESH MATERIALIZED VIEW CONCURRENTLY post_m;

-- A partition is detached
ALTER TABLE part DETACH PARTITION part_1;

-- A partition is attached
-- finds scan part_2 part
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');

-- A partition is attached whose check proves its bounds
-- given ALTER TABLE part_2 ADD CHECK (at >= '2022-01-01' AND at < '2023-01-01');
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');

-- An unlogged table becomes logged
-- given ALTER TABLE plain SET UNLOGGED;
-- finds rewrite plain
ALTER TABLE plain SET LOGGED;

-- A trigger
-- given CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER t BEFORE INSERT ON post FOR EACH ROW EXECUTE FUNCTION tf();

-- A value of an enum
ALTER TYPE mood ADD VALUE 'happy';

-- A value of an enum that is used at once
-- fails
-- given CREATE TABLE m(x mood);
ALTER TYPE mood ADD VALUE 'happy';
INSERT INTO m VALUES ('happy');

-- An index in a DO block
-- finds index-build post
DO $$ BEGIN EXECUTE 'CREATE INDEX post_author_idx ON post (author_id)'; END $$;

-- A function that alters a table
-- given CREATE FUNCTION mig() RETURNS void LANGUAGE plpgsql AS 'BEGIN ALTER TABLE post ALTER views TYPE bigint; END';
-- finds rewrite post
SELECT mig();

-- A view is replaced
CREATE OR REPLACE VIEW post_v AS SELECT id, title, slug FROM post;

-- A check of a domain
-- given CREATE DOMAIN posint AS int;
-- given ALTER TABLE plain ADD d posint;
-- finds scan plain
ALTER DOMAIN posint ADD CONSTRAINT c CHECK (VALUE > 0);

-- A table is put where it is
ALTER TABLE plain SET TABLESPACE pg_default;

-- A storage parameter
ALTER TABLE post SET (fillfactor = 70);

-- A new table
CREATE TABLE shop_item (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name varchar(40), at timestamp, c char(3));

-- Work on a temporary table
CREATE TEMP TABLE w (a int);
CREATE INDEX wi ON w (a);
INSERT INTO w SELECT id FROM post;

-- A table is locked, then updated
-- finds bulk-update post
-- finds held post
LOCK TABLE post IN ACCESS EXCLUSIVE MODE;
UPDATE post SET views = views + 1;

-- Two columns
ALTER TABLE post ADD COLUMN n int;
ALTER TABLE post ADD COLUMN k int;
