SELECT book_id, tag_id FROM blog_book_tags
