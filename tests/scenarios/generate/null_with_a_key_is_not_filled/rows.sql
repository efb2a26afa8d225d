INSERT INTO blog_book (title, n) VALUES ('one', 1);
