INSERT INTO blog_node VALUES (gen_random_uuid());
