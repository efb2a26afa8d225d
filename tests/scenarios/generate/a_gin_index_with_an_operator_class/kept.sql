SELECT data FROM blog_book
