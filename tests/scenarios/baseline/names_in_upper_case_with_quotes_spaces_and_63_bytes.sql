ALTER TABLE blog_post ADD "Ä ""b" text, ADD "SELECT" int, ADD xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    int;
CREATE INDEX "Ix "" ON ONLY USING x" ON blog_post ("Ä ""b");
CREATE INDEX yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy ON blog_post (xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx);
ALTER TABLE blog_post ADD CONSTRAINT "C "" c" CHECK ("SELECT" > 0);
