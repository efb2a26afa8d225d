INSERT INTO blog_book (title, p) VALUES ('one', 1.25);
