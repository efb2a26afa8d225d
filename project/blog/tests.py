"""`python manage.py test project`: the test database is made by the SQL migrations."""

from django.db import IntegrityError, connection
from django.test import TestCase

from project.blog.models import Author, Post


class PostTests(TestCase):
    def test_a_post_has_an_author(self) -> None:
        author = Author.objects.create(name="Ada")
        Post.objects.create(title="First", author=author)
        self.assertEqual([post.title for post in author.posts.all()], ["First"])

    def test_the_database_insists_on_the_author(self) -> None:
        Post.objects.create(title="First", author_id=1)
        with self.assertRaises(IntegrityError):
            connection.check_constraints()
