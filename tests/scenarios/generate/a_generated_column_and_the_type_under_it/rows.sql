INSERT INTO blog_book (title, n) VALUES ('t', 5);
