SELECT id FROM blog_node
