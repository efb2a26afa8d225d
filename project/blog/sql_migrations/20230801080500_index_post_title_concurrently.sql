-- Look posts up by title. Built while posts are read and written, which no transaction can do.

-- migrate:up transaction:false
CREATE INDEX CONCURRENTLY "blog_post_title_idx" ON "blog_post" ("title");

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY "blog_post_title_idx";
