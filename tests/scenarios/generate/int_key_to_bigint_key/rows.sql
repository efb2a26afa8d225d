INSERT INTO blog_author DEFAULT VALUES;
INSERT INTO blog_book (author_id) VALUES (1);
