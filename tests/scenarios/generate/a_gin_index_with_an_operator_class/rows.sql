INSERT INTO blog_book (title, data) VALUES ('one', '{"a": 1}');
