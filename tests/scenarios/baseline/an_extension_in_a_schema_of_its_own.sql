-- has: CREATE SCHEMA IF NOT EXISTS "extensions"
-- has: -- migrate:allow drift schema extensions: 
CREATE SCHEMA extensions;
CREATE EXTENSION citext SCHEMA extensions;
ALTER TABLE blog_post ADD c extensions.citext;
