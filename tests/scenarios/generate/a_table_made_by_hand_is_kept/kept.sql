SELECT id, doc FROM blog_archive
