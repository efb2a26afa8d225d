-- has: INHERITS (blog_post)
CREATE TABLE old_posts (more text, CHECK (more <> '')) INHERITS (blog_post);
CREATE INDEX o ON old_posts (title);
