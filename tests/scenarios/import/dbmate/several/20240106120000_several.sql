-- migrate:up
CREATE TABLE tags (id int PRIMARY KEY);

-- migrate:down
DROP TABLE tags;

-- migrate:up
CREATE TABLE tagged (post bigint REFERENCES posts (id), tag int REFERENCES tags (id));

-- migrate:down
DROP TABLE tagged;
