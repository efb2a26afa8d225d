INSERT INTO blog_country (code) VALUES ('fr');
INSERT INTO blog_city (name) VALUES ('Paris');
