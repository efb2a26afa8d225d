ALTER TABLE blog_author ADD legacy text CONSTRAINT short CHECK (legacy <> '');
CREATE INDEX legacy_ix ON blog_author (legacy);
