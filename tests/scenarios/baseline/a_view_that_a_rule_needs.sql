-- has: CREATE VIEW titles
-- has: DROP VIEW titles;
CREATE VIEW titles WITH (security_barrier) AS SELECT title FROM blog_post;
COMMENT ON VIEW titles IS 'v';
CREATE RULE r AS ON INSERT TO blog_author WHERE EXISTS (SELECT FROM titles) DO ALSO NOTHING;
