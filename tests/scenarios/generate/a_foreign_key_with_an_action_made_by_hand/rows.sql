INSERT INTO blog_book (title) VALUES ('one');
INSERT INTO blog_note (book_id) VALUES (1);
