SELECT volume_id, tag_id FROM blog_volume_tags
