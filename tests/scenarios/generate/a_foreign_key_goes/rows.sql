INSERT INTO blog_author (name) VALUES ('a');
INSERT INTO blog_book (title, author_id) VALUES ('t', 1);
