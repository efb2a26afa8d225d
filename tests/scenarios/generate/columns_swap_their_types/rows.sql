INSERT INTO blog_book (title, a, b) VALUES ('x', 5, '7');
