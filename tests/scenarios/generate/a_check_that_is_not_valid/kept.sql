SELECT n FROM blog_book
