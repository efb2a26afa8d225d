INSERT INTO blog_archive VALUES (1, 'x');
