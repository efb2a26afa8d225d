INSERT INTO blog_book (title) VALUES ('12');
