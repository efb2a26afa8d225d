INSERT INTO blog_country VALUES ('fr');
INSERT INTO blog_city (country_id) VALUES ('fr');
