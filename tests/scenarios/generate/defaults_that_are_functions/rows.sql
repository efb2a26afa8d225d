INSERT INTO blog_book (title) VALUES ('one'), ('two');
