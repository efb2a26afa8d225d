"""A project whose app `blog` has Django migrations as those of real projects are, and is taken over by SQL."""

from __future__ import annotations

from tests.support.projects import Project

LAST = "0007_item"
SINCE = {"blog": LAST}

# What has been renamed, and made with other keys, long ago.
BLOG = """\
class Author(models.Model):
    full_name = models.CharField(max_length=100)

class Tag(models.Model):
    word = models.CharField(max_length=30, unique=True)

class Post(models.Model):
    title = models.CharField(max_length=100, db_index=True)
    slug = models.SlugField(default="")
    author = models.ForeignKey(Author, models.CASCADE)
    tags = models.ManyToManyField(Tag)
    item = models.ForeignKey("shop.Item", models.SET_NULL, null=True)
    class Meta:
        constraints = [models.UniqueConstraint(fields=["title", "author"], name="one_title")]
"""
_SLUG_FIELD = '    slug = models.SlugField(default="")\n'
_SUBTITLE = '    subtitle = models.TextField(db_default="")\n'
# The models as they are when SQL has gone on, and what may come after that.
TODAY = f"""{BLOG.replace(_SLUG_FIELD, _SLUG_FIELD + _SUBTITLE)}
class Comment(models.Model):
    post = models.ForeignKey(Post, models.CASCADE)
    text = models.TextField()
"""
LINK = """
class Link(models.Model):
    kind = models.ForeignKey("shop.Kind", models.CASCADE)
"""

SHOP = """\
class Item(models.Model):
    name = models.CharField(max_length=100)

class Review(models.Model):
    post = models.ForeignKey("blog.Post", models.CASCADE)
    author = models.ForeignKey("blog.Author", models.CASCADE, null=True)
"""
NOTE = """
class Note(models.Model):
    comment = models.ForeignKey("blog.Comment", models.CASCADE)
"""

_ID = '("id", models.AutoField(primary_key=True, auto_created=True, serialize=False, verbose_name="ID"))'
_BIG = "models.BigAutoField(primary_key=True, auto_created=True, serialize=False, verbose_name='ID')"
_INITIAL = f"""
    migrations.CreateModel("Author", [{_ID}, ("name", models.CharField(max_length=100))]),
    migrations.CreateModel("Entry", [
        {_ID}, ("title", models.CharField(max_length=100)),
        ("author", models.ForeignKey("blog.Author", on_delete=models.CASCADE)),
    ]),
"""
_SLUG = """
    migrations.AddField("Entry", "slug", models.SlugField(default="")),
    migrations.AlterField("Entry", "title", models.CharField(max_length=100, db_index=True)),
"""
_RENAMED = 'migrations.RenameModel("Entry", "Post"), migrations.RenameField("Author", "name", "full_name")'
_TAGS = f"""
    migrations.CreateModel("Tag", [{_ID}, ("word", models.CharField(max_length=30, unique=True))]),
    migrations.AddField("Post", "tags", models.ManyToManyField("blog.Tag")),
    migrations.AddConstraint("Post", models.UniqueConstraint(fields=["title", "author"], name="one_title")),
"""
_ROWS = """
    migrations.RunPython(
        lambda apps, _: apps.get_model("blog", "Author").objects.create(full_name="Ann").post_set.create(title="A"),
        migrations.RunPython.noop,
    )
"""
_ITEM = """
    migrations.AddField("Post", "item", models.ForeignKey("shop.Item", null=True, on_delete=models.SET_NULL))
"""
# It uses models of `blog` with their relations, as only their past has them.
_OLD_ROWS = """
    migrations.RunPython(lambda apps, editor: [
        apps.get_model("shop", "Review").objects.create(post=post, author=post.author)
        for post in apps.get_model("blog", "Post").objects.filter(author__full_name="Ann")
    ], migrations.RunPython.noop)
"""


def make_past(project: Project) -> None:
    """The project as it was before SQL_SINCE: nothing is applied."""
    project.add_contrib("auth", "contenttypes")
    project.add_models("blog", BLOG)
    project.add_models("shop", SHOP)
    add = project.add_django_migration
    add("blog", "0001_initial", _INITIAL)
    add("blog", "0002_slug", _SLUG)
    add("blog", "0003_renamed", _RENAMED)
    add("blog", "0004_tags", _TAGS)
    add("blog", "0005_rows", _ROWS)
    keys = ", ".join(f'migrations.AlterField("{model}", "id", {_BIG})' for model in ("Author", "Post", "Tag"))
    add("blog", "0006_big", keys)
    _squash(project)
    item = f'migrations.CreateModel("Item", [("id", {_BIG}), ("name", models.CharField(max_length=100))])'
    add("shop", "0001_item", item)
    add("blog", LAST, _ITEM, ("shop", "0001_item"))
    review = f"""migrations.CreateModel("Review", [
        ("id", {_BIG}), ("post", models.ForeignKey("blog.Post", on_delete=models.CASCADE))])"""
    add("shop", "0002_review", review, ("blog", "0006_big"))
    author = 'models.ForeignKey("blog.Author", null=True, on_delete=models.CASCADE)'
    add("shop", "0003_author", f'migrations.AddField("Review", "author", {author})', ("blog", "__first__"))
    add("shop", "0004_rows", _OLD_ROWS, ("blog", LAST))


def _squash(project: Project) -> None:
    """The first two as one, which replaces them; they are there still."""
    (project.folder / "blog/migrations/0001_squashed_0002_slug.py").write_text(
        "from django.db import migrations, models\nclass Migration(migrations.Migration):\n"
        '    replaces = [("blog", "0001_initial"), ("blog", "0002_slug")]\n'
        f"    dependencies = []\n    operations = [{_INITIAL.rstrip()}\n{_SLUG}]\n"
    )


def take_over(project: Project) -> None:
    project.configure(SQL_SINCE=SINCE)


def go_on(project: Project) -> None:
    """The models change as they have since the app was taken over."""
    project.add_models("blog", TODAY)
