INSERT INTO blog_book (title) VALUES ('one'), ('two');
INSERT INTO blog_note (book_id) VALUES (1);
