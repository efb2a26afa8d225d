CREATE UNIQUE INDEX pair ON blog_author (id, name);
ALTER TABLE blog_post ADD author_name varchar(100), ADD CONSTRAINT k FOREIGN KEY (author_id, author_name)
    REFERENCES blog_author (id, name) MATCH FULL ON DELETE SET NULL (author_name);
