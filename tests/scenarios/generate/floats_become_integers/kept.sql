SELECT n::int FROM blog_book
