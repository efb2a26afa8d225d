CREATE EXTENSION cube;
CREATE EXTENSION earthdistance;
ALTER TABLE blog_post ADD place earth;
