ALTER TABLE blog_post ADD number bigserial;
