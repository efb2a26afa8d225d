-- has: DROP CONSTRAINT
ALTER TABLE blog_author ADD best_id bigint REFERENCES blog_post, ADD parent_id bigint REFERENCES blog_author;
