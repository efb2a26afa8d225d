INSERT INTO blog_author (name, legacy) VALUES ('one', 'x');
