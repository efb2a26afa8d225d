-- has: DROP SEQUENCE shared;
CREATE SEQUENCE shared INCREMENT -2 MINVALUE -900 MAXVALUE 50 START 20 CYCLE;
ALTER TABLE blog_post ADD number int DEFAULT nextval('shared');
ALTER TABLE blog_author ADD number bigint DEFAULT nextval('shared');
