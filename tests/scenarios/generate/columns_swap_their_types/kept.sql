SELECT a::text, b::text FROM blog_book
