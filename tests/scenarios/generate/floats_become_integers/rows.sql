INSERT INTO blog_book (title, n) VALUES ('x', 5);
