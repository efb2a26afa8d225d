INSERT INTO blog_book (title, f) VALUES ('one', true);
