-- has: CREATE SEQUENCE old_id_seq AS integer
-- has: ALTER SEQUENCE old_id_seq OWNED BY blog_post.number
CREATE SEQUENCE old_id_seq AS int;
ALTER TABLE blog_post ADD number int DEFAULT nextval('old_id_seq') NOT NULL;
ALTER SEQUENCE old_id_seq OWNED BY blog_post.number;
