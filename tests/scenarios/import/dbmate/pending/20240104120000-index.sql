--migrate:up transaction:false
CREATE INDEX CONCURRENTLY posts_slug_idx ON posts (slug);

--	migrate:down	transaction:false
DROP INDEX CONCURRENTLY posts_slug_idx;
