INSERT INTO blog_author (name) VALUES ('a');
INSERT INTO blog_book (title) VALUES ('one');
