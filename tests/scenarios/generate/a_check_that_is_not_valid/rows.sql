INSERT INTO blog_book (n) VALUES (1);
