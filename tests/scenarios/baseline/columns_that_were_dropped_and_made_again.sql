ALTER TABLE blog_post DROP COLUMN body;
ALTER TABLE blog_post ADD body text NOT NULL DEFAULT '';
CREATE TABLE of_authors () INHERITS (blog_author);
ALTER TABLE of_authors ALTER name SET DEFAULT 'x';
