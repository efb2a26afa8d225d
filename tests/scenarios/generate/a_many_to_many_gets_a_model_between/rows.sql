INSERT INTO blog_book (title) VALUES ('one'), ('two');
INSERT INTO blog_tag DEFAULT VALUES;
INSERT INTO blog_book_tags (book_id, tag_id) VALUES (1, 1);
