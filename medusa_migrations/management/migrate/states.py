"""Django's project state, which can be rendered even if some models extend models that are not in it yet."""

from __future__ import annotations

from collections.abc import Collection

from django.apps import apps as installed
from django.db.migrations.state import ModelState, ProjectState, StateApps
from django.db.models import Model
from django.utils.functional import cached_property


class RenderableState(ProjectState):
    """A state that is rendered without those models of apps without Django migrations that cannot be rendered yet.

    Django renders all of them at once, and raises InvalidBasesError for a proxy of its User before auth is migrated.
    """

    by_django: Collection[str] = ()

    @classmethod
    def of(cls, state: ProjectState, by_django: Collection[str]) -> RenderableState:
        """`state` itself, its class changed; `by_django` are the labels of the apps that Django migrates."""
        state.__class__ = cls
        assert isinstance(state, RenderableState)
        state.by_django = by_django
        return state

    def clone(self) -> RenderableState:
        return self.of(super().clone(), self.by_django)

    @cached_property
    def apps(self) -> StateApps:
        left_out = self.left_out()
        broken = {model._meta.app_label for model in left_out}
        rest = [
            ModelState.from_model(model, exclude_rels=True)
            for label in sorted(broken)
            for model in installed.get_app_config(label).get_models()
            if model not in left_out
        ]
        models = {**self.models, **{(state.app_label, state.name_lower): state for state in rest}}
        found = StateApps(sorted(self.real_apps - broken), models)
        found.real_models += rest
        vars(found)["left_out"] = left_out
        return found

    def left_out(self) -> set[type[Model]]:
        """The models that extend one of Django's that is not there, or one that is left out itself."""
        models = [model for label in self.real_apps for model in installed.get_app_config(label).get_models()]
        found: set[type[Model]] = set()
        while True:
            more = {
                model
                for model in models
                if model not in found
                and any(base in found or self._lacks(base) for base in model.__mro__[1:] if hasattr(base, "_meta"))
            }
            if not more:
                return found
            found |= more

    def let_in(self) -> None:
        """Have the state rendered anew if models were left out that need not be left out now."""
        left_out = getattr(vars(self).get("apps"), "left_out", None)
        if left_out and left_out != self.left_out():
            del vars(self)["apps"]

    def _lacks(self, base: type[Model]) -> bool:
        options = base._meta
        key = (options.app_label, str(options.model_name))
        return not options.abstract and options.app_label in self.by_django and key not in self.models
