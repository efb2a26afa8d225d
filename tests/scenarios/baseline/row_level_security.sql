-- has: DROP POLICY "own" ON blog_author;
-- has: FORCE ROW LEVEL SECURITY
ALTER TABLE blog_post ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON blog_author AS RESTRICTIVE FOR UPDATE TO public USING (EXISTS (SELECT FROM blog_post p WHERE
    p.author_id = blog_author.id)) WITH CHECK (name <> '');
CREATE POLICY "all" ON blog_post USING (true);
COMMENT ON POLICY own ON blog_author IS 'own';
