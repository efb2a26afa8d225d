SELECT p FROM blog_book
