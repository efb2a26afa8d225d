-- has: DROP RULE "keep" ON blog_author;
CREATE RULE keep AS ON DELETE TO blog_author DO INSTEAD UPDATE blog_post SET title = 'x' WHERE author_id = OLD.id;
ALTER TABLE blog_author DISABLE RULE keep;
