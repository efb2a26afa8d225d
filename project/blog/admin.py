from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from medusa_migrations import api
from medusa_migrations.errors import MigrationError
from project.blog.models import Author, Post


@admin.action(description="Run pending SQL migrations", permissions=["run"])
def run_migrations(model_admin: "PostAdmin", request: HttpRequest, posts: QuerySet[Post]) -> None:
    """As an example of an admin action of one's own; the posts that are selected do not matter."""
    try:
        result = api.run(lock_wait=0, applied_by=request.user.get_username())
        model_admin.message_user(request, f"{len(result.migrations)} applied.")
    except MigrationError as error:
        model_admin.message_user(request, str(error), messages.ERROR)


@admin.register(Post)
class PostAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # it takes no parameter when it runs
    actions = (run_migrations,)

    def has_run_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("medusa_migrations.run_migrations")


admin.site.register(Author)
