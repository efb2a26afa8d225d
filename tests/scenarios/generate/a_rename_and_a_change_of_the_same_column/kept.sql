SELECT headline FROM blog_book ORDER BY 1
