CREATE TABLE blog_archive (id bigint PRIMARY KEY, doc text);
