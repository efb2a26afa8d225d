-- An index on a partitioned table
-- finds index-build part part_1
CREATE INDEX part_id_idx ON part (id);

-- A column of a partitioned table becomes NOT NULL
-- finds scan part part_1
ALTER TABLE part ALTER COLUMN id SET NOT NULL;

-- A column of a partition becomes NOT NULL
-- finds scan part_1 part
ALTER TABLE part_1 ALTER COLUMN id SET NOT NULL;

-- The type of a column of a partitioned table
-- finds rewrite part part_1
ALTER TABLE part ALTER COLUMN id TYPE numeric;

-- A check of a partitioned table
-- finds scan part part_1
ALTER TABLE part ADD CONSTRAINT c CHECK (id > 0);

-- A foreign key of a partitioned table
-- finds scan part author part_1
ALTER TABLE part ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES author (id);

-- A required column of a partitioned table
-- empty
-- finds required-column part
ALTER TABLE part ADD COLUMN n int NOT NULL;

-- A column of a partitioned table is dropped
-- finds drop-column part
ALTER TABLE part DROP COLUMN id;

-- A partitioned table is dropped
-- finds drop-table part part_1
DROP TABLE part;

-- A partition is dropped
-- finds drop-table part_1
DROP TABLE part_1;

-- A new partition of a table without a default partition
CREATE TABLE part_3 PARTITION OF part FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');

-- A new partition of a table with a default partition
-- given CREATE TABLE part_d PARTITION OF part DEFAULT;
-- finds scan part part_d
CREATE TABLE part_3 PARTITION OF part FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');

-- An old table becomes a partition of a new one
-- finds scan part_2
CREATE TABLE whole (id bigint, at date NOT NULL) PARTITION BY RANGE (at);
ALTER TABLE whole ATTACH PARTITION part_2 FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');

-- An index is made for each partition, then for all
-- transaction:false
CREATE INDEX part_id_idx ON ONLY part (id);
CREATE INDEX CONCURRENTLY part_1_id_idx ON part_1 (id);
ALTER INDEX part_id_idx ATTACH PARTITION part_1_id_idx;

-- A partitioned table is truncated
-- finds loss part part_1
TRUNCATE part;

-- All rows of a partitioned table are updated
-- finds bulk-update part
UPDATE part SET id = 1;

-- An index on a materialized view
CREATE INDEX ON post_m (n);

-- A materialized view is dropped
-- finds drop-table post_m
DROP MATERIALIZED VIEW post_m;

-- A materialized view is made anew under its name
-- finds drop-table post_m
-- finds held post_m
DROP MATERIALIZED VIEW post_m;
CREATE MATERIALIZED VIEW post_m AS SELECT author_id, count(*) n FROM post GROUP BY 1;

-- A materialized view is refreshed while a table is locked
-- finds held post
ALTER TABLE post ADD COLUMN k int;
REFRESH MATERIALIZED VIEW CONCURRENTLY post_m;

-- A view is dropped
-- finds drop-table post_v
DROP VIEW post_v;

-- A view is made anew around a change of a type
-- finds rewrite post
-- finds held post_v
DROP VIEW post_v;
ALTER TABLE post ALTER COLUMN views TYPE bigint;
CREATE VIEW post_v AS SELECT id, title FROM post;

-- A view is renamed
-- finds rename-table post_v
ALTER VIEW post_v RENAME TO post_w;

-- A table is renamed, and a view stands for it
ALTER TABLE plain RENAME TO simple;
CREATE VIEW plain AS SELECT * FROM simple;

-- A table moves into another schema
-- finds rename-table plain
CREATE SCHEMA s;
ALTER TABLE plain SET SCHEMA s;

-- A column is renamed and renamed back
ALTER TABLE post RENAME COLUMN state TO status;
ALTER TABLE post RENAME COLUMN status TO state;

-- A domain's check is validated later
-- given CREATE DOMAIN posint AS int; ALTER TABLE plain ADD d posint;
ALTER DOMAIN posint ADD CONSTRAINT c CHECK (VALUE > 0) NOT VALID;

-- A domain becomes NOT NULL
-- given CREATE DOMAIN dn AS int DEFAULT 1; ALTER TABLE plain ADD d dn;
-- finds scan plain
ALTER DOMAIN dn SET NOT NULL;

-- A column of a domain without a check
-- given CREATE DOMAIN free AS int;
ALTER TABLE post ADD COLUMN d free;

-- A virtual generated column
-- from 18
ALTER TABLE post ADD COLUMN t text GENERATED ALWAYS AS (upper(title)) VIRTUAL;

-- Another expression of a generated column
-- from 17
-- given ALTER TABLE plain ADD g int GENERATED ALWAYS AS (a + 1) STORED;
-- finds rewrite plain
ALTER TABLE plain ALTER COLUMN g SET EXPRESSION AS (a + 2);

-- A NOT NULL constraint that is validated later
-- from 18
ALTER TABLE post ADD CONSTRAINT nn NOT NULL slug NOT VALID;

-- A trigger changes another table
-- given CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE plain SET b = 1 WHERE a = 1; RETURN NEW; END $$; CREATE TRIGGER t AFTER UPDATE ON post FOR EACH ROW EXECUTE FUNCTION tf();
UPDATE post SET views = 1 WHERE id = 1;

-- Triggers are switched off
ALTER TABLE post DISABLE TRIGGER ALL;

-- A trigger is made, then an index on another table
-- given CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
-- finds index-build author
-- finds held post
CREATE TRIGGER t BEFORE INSERT ON post FOR EACH ROW EXECUTE FUNCTION tf();
CREATE INDEX author_email_idx ON author (email);

-- A foreign key is validated in the transaction that adds it
-- finds held author post
ALTER TABLE post ADD CONSTRAINT fk FOREIGN KEY (author_id) REFERENCES author (id) NOT VALID;
ALTER TABLE post VALIDATE CONSTRAINT fk;

-- A foreign key is validated in a transaction of its own
-- transaction:false
ALTER TABLE post ADD CONSTRAINT fk FOREIGN KEY (author_id) REFERENCES author (id) NOT VALID;
ALTER TABLE post VALIDATE CONSTRAINT fk;

-- Two checks are validated in the transaction that adds them
-- finds held post
-- finds held post
ALTER TABLE post ADD CONSTRAINT c CHECK (views >= 0) NOT VALID, ADD CONSTRAINT d CHECK (views < 9999999) NOT VALID;
ALTER TABLE post VALIDATE CONSTRAINT c;
ALTER TABLE post VALIDATE CONSTRAINT d;

-- NOT NULL in steps, a transaction each
-- transaction:false
ALTER TABLE post ADD CONSTRAINT c CHECK (slug IS NOT NULL) NOT VALID;
ALTER TABLE post VALIDATE CONSTRAINT c;
ALTER TABLE post ALTER COLUMN slug SET NOT NULL;
ALTER TABLE post DROP CONSTRAINT c;

-- A unique constraint in steps, a transaction each
-- transaction:false
CREATE UNIQUE INDEX CONCURRENTLY post_slug_uniq ON post (slug);
ALTER TABLE post ADD CONSTRAINT post_slug_uniq UNIQUE USING INDEX post_slug_uniq;

-- An index in a transaction of its own
-- transaction:false
-- finds index-build post
ALTER TABLE author ADD COLUMN k int;
CREATE INDEX post_author_idx ON post (author_id);

-- A function makes a column NOT NULL
-- given CREATE FUNCTION mig() RETURNS void LANGUAGE plpgsql AS 'BEGIN ALTER TABLE post ALTER slug SET NOT NULL; END';
-- finds scan post
SELECT mig();

-- A procedure builds an index
-- given CREATE PROCEDURE mig() LANGUAGE plpgsql AS 'BEGIN CREATE INDEX ON post (views); END';
-- finds index-build post
CALL mig();

-- A DO block updates all rows
-- finds bulk-update post
DO $$ BEGIN UPDATE post SET state = 'old'; END $$;

-- A DO block updates few rows
DO $$ BEGIN IF true THEN UPDATE post SET state = 'old' WHERE id = 1; END IF; END $$;

-- A DO block truncates
-- finds loss plain
DO $$ BEGIN TRUNCATE plain; END $$;

-- A DO block drops a column
-- finds drop-column post
DO $$ BEGIN ALTER TABLE post DROP COLUMN state; END $$;

-- A DO block only looks
DO $$ BEGIN PERFORM count(*) FROM post; END $$;

-- A DO block adds a column and fills it
-- finds scan post
-- finds bulk-update post
DO $$ BEGIN ALTER TABLE post ADD COLUMN k int; UPDATE post SET k = views; END $$;

-- A default that is taken away again
-- finds insert-breaks post
ALTER TABLE post ADD COLUMN rank bigint NOT NULL DEFAULT 0;
ALTER TABLE post ALTER COLUMN rank DROP DEFAULT;

-- A default that is taken away and put back
ALTER TABLE post ADD COLUMN rank bigint NOT NULL DEFAULT 0;
ALTER TABLE post ALTER COLUMN rank DROP DEFAULT;
ALTER TABLE post ALTER COLUMN rank SET DEFAULT 1;

-- A column that is filled and becomes NOT NULL
-- finds bulk-update post
-- finds held post
-- finds scan post
-- finds insert-breaks post
ALTER TABLE post ADD COLUMN rank bigint;
UPDATE post SET rank = 0;
ALTER TABLE post ALTER COLUMN rank SET NOT NULL;

-- A default that is taken away in a later transaction of the part
-- transaction:false
-- finds insert-breaks post
ALTER TABLE post ADD COLUMN rank bigint NOT NULL DEFAULT 0;
ALTER TABLE post ALTER COLUMN rank DROP DEFAULT;

-- A new column is dropped again
ALTER TABLE post ADD COLUMN rank bigint NOT NULL DEFAULT 0;
ALTER TABLE post DROP COLUMN rank;

-- What a savepoint takes back
-- finds index-build post
SAVEPOINT a;
CREATE INDEX post_author_idx ON post (author_id);
ROLLBACK TO a;

-- Work on a new table, also in a later transaction of the part
-- transaction:false
CREATE TABLE tag (id bigint PRIMARY KEY, name text);
CREATE INDEX tag_name_idx ON tag (name);
ALTER TABLE tag ALTER COLUMN name SET NOT NULL;
UPDATE tag SET name = 'x';
DROP TABLE tag;

-- An index that an earlier statement has built gets another name
-- finds index-build post
CREATE INDEX post_author_idx ON post (author_id);
ALTER INDEX post_author_idx RENAME TO post_author_ix;

-- An index alone is built anew
-- finds index-build post
REINDEX INDEX post_slug_idx;

-- An index is built anew concurrently
-- transaction:false
REINDEX INDEX CONCURRENTLY post_slug_idx;

-- A table is dropped with what depends on it
-- finds drop-table post post_m
-- finds drop-table post_v
DROP TABLE post CASCADE;

-- A table becomes unlogged
-- finds rewrite plain
ALTER TABLE plain SET UNLOGGED;

-- Rows are put into a table while another is locked
ALTER TABLE post ADD COLUMN k int;
INSERT INTO plain VALUES (1, 2);

-- A table is filled from another while that is locked
-- finds held post
ALTER TABLE post ADD COLUMN k int;
CREATE TABLE copy AS SELECT * FROM post;

-- Names that need quotes
-- given CREATE SCHEMA "My Shop"; CREATE TABLE "My Shop"."Order" ("Total sum" int);
-- finds scan "My Shop"."Order"
-- finds bulk-update "My Shop"."Order"
-- finds held "My Shop"."Order"
ALTER TABLE "My Shop"."Order" ALTER "Total sum" SET NOT NULL;
UPDATE "My Shop"."Order" SET "Total sum" = 1;

-- A table in a schema that search_path finds
-- given CREATE SCHEMA shop; CREATE TABLE shop.item (a int);
-- finds bulk-update shop.item
SET LOCAL search_path = shop;
UPDATE item SET a = 1;

-- Objects that are planted in front of the server's
-- given CREATE SCHEMA evil; CREATE FUNCTION evil.age(xid) RETURNS int LANGUAGE sql AS 'SELECT 1/0'; CREATE TABLE evil.pg_locks (a int);
-- finds scan post
SET LOCAL search_path = evil, public, pg_catalog;
ALTER TABLE post ALTER COLUMN slug SET NOT NULL;
