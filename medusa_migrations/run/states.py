"""Django's project state, which can be rendered even if some models extend models that are not in it yet."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from django.apps import apps as installed
from django.db.migrations.state import ModelState, ProjectState, StateApps
from django.db.migrations.utils import resolve_relation
from django.db.models import Model
from django.utils.functional import cached_property

from medusa_migrations.files.owned import taken_over
from medusa_migrations.migration import Key


class RenderableState(ProjectState):
    """A state that is rendered without those models of apps without Django migrations that cannot be rendered yet.

    Django renders all of them at once, and raises InvalidBasesError for a proxy of its User before auth is migrated.
    Before the first migration it is also without the models of apps whose tables are all still to be made: receivers of
    pre_migrate take a model that is there for a table that is there.
    The models of apps that SQL has taken over are those of their past, and become those of today, as those of apps made
    by SQL are. What refers to a model that the past lacks finds that of today before.
    """

    by_django: Collection[str] = ()
    to_come: Collection[str] = ()
    over: Collection[str] = ()
    today: Collection[str] = ()
    added: Collection[Key] = ()
    without: Collection[type[Model]] = ()

    @classmethod
    def of(cls, state: ProjectState, by_django: Collection[str], to_come: Collection[str] = ()) -> RenderableState:
        """`state` itself, its class changed; `by_django` are the labels of the apps that Django migrates.

        `to_come` are those of apps that have no tables yet; an app that a model of the state refers to has.
        """
        state.__class__ = cls
        assert isinstance(state, RenderableState)
        state.by_django, state.to_come = by_django, to_come and set(to_come) - state._referred_to()
        state.over = taken_over().keys()
        return state

    def clone(self) -> RenderableState:
        copy = super().clone()
        copy.__class__ = type(self)
        assert isinstance(copy, RenderableState)
        for name in ("by_django", "to_come", "over", "today", "added", "without"):
            vars(copy)[name] = getattr(self, name)
        return copy

    @cached_property
    def apps(self) -> StateApps:
        left_out = self.without = self.left_out()
        one_by_one = {model._meta.app_label for model in left_out} | {*self.today}
        rest = [
            ModelState.from_model(model, exclude_rels=True)
            for label in sorted(one_by_one)
            for model in installed.get_app_config(label).get_models()
            if model not in left_out
        ]
        more = self._lacking()
        self.added = more.keys()
        rest += more.values()
        models = {**self.models, **{(state.app_label, state.name_lower): state for state in rest}}
        found = StateApps(sorted(self.real_apps - one_by_one), models)
        found.real_models += rest
        return found

    def _reload(self, related_models: Collection[Key]) -> None:
        """Render again what has changed; or all, where that refers to a model of today that is not there yet."""
        if self.over and not self._lacking(related_models).keys() <= {*self.added}:
            self._render_anew()
        else:
            super()._reload(related_models)  # type: ignore[misc]  # not in stubs

    def _lacking(self, keys: Collection[Key] | None = None) -> dict[Key, ModelState]:
        """The models of today, of apps that SQL has taken over, that models of the state refer to and it lacks.

        `keys` are those that may.
        """
        found: dict[Key, ModelState] = {}
        if not self.over:
            return found
        todo = [self.models[key] for key in (self.models if keys is None else keys) if key in self.models]
        while todo:
            for app, name in self._named_by(todo.pop()):
                key = app, name
                is_there = app not in self.over or app in self.today or key in self.models or key in found
                model = None if is_there else installed.get_app_config(app).models.get(name)
                if model:
                    found[key] = ModelState.from_model(model, exclude_rels=True)
                    todo.append(found[key])
        return found

    def left_out(self) -> set[type[Model]]:
        """The models to come, those that extend one of Django's that is not there, and those that extend these."""
        labels = {*self.real_apps, *self.today}
        models = [model for label in labels for model in installed.get_app_config(label).get_models()]
        found = {model for model in models if model._meta.app_label in self.to_come}
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
        self.to_come = ()
        gone = self._vanished()
        for key in gone:
            del self.models[key]
        if gone or (self.without and self.without != self.left_out()):
            self._render_anew()

    def take_over(self, labels: Collection[str]) -> None:
        """Take the models of the apps `labels` as they are today: SQL has made or changed their tables."""
        new = {*labels}.difference(self.today)
        if new:
            self.today = {*self.today, *new}
            self.by_django = {*self.by_django} - new
            for key in self._of_today().intersection(self.models):
                del self.models[key]
            self._render_anew()

    def _render_anew(self) -> None:
        vars(self).pop("apps", None)
        self._relations = None

    def _of_today(self) -> set[Key]:
        models = (model for label in self.today for model in installed.get_app_config(label).get_models())
        return {(model._meta.app_label, str(model._meta.model_name)) for model in models}

    def _vanished(self) -> set[Key]:
        """The models that apps taken over have no more, and that no other app's model in the state refers to still."""
        old = {key for key in self.models if key[0] in self.today}
        todo = [key for key in self.models if key not in old] if old else []
        while todo:
            wanted = old.intersection(self._named_by(self.models[todo.pop()]))
            old -= wanted
            todo += wanted
        return old

    def _named_by(self, state: ModelState) -> Iterator[Key]:
        """The models that one refers to, or extends: (app label, name in small letters)."""
        remote = [field.remote_field for field in state.fields.values() if field.remote_field]
        for model in (*(one.model for one in remote), *(getattr(one, "through", None) for one in remote), *state.bases):
            if isinstance(model, str):
                yield resolve_relation(model, state.app_label, state.name_lower)

    def _referred_to(self) -> set[str]:
        """The labels of the apps that models of the state refer to, or extend."""
        remote = [field.remote_field for model in self.models.values() for field in model.fields.values()]
        bases = [base for model in self.models.values() for base in model.bases]
        names = [*(one.model for one in remote if one), *bases]
        return {name.partition(".")[0] for name in names if isinstance(name, str)}

    def _lacks(self, base: type[Model]) -> bool:
        options = base._meta
        key = (options.app_label, str(options.model_name))
        return not options.abstract and options.app_label in self.by_django and key not in self.models
