INSERT INTO blog_e (n) VALUES (2), (3);
