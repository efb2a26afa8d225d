"""Messages of the commands: English, marked for translation, and able to be said in another language.

Commands print English, which scripts and people's searches rely on, and so do the journal, the history, JSON and logs.
The admin, whose pages have a language, looks a message's template up in the catalogs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable


class Message(str):
    """An English text that keeps its `template` and the `values` in it, so that it can be said in another language."""

    __slots__ = ("template", "values")

    template: str
    values: dict[str, object]

    def translated(self, translate: Callable[[str], str]) -> str:
        """The text with its template, and the messages among its values, as `translate` has them.

        `translate` is a function like Django's `gettext`, which gives back what it has no translation for.
        """
        values = {name: in_language(value, translate) for name, value in self.values.items()}
        template = translate(self.template)
        return template.format_map(values) if values else template

    def filled(self, **values: object) -> Message:
        """The message with these values at its fields, where it was chosen before they were known."""
        return N_(self.template, **values)


def N_(template: str, /, **values: object) -> Message:
    """The message that `template` is with the values at its fields, as `str.format` has them.

    It is the name that xgettext and people know for what is only marked. Without values braces stand for themselves.
    """
    message = Message(template.format_map(values) if values else template)
    message.template, message.values = template, values
    return message


def joined(separator: str, texts: Iterable[str]) -> Message:
    """Several texts as one message, each of which can be translated where it is one itself."""
    values = {f"_{number}": text for number, text in enumerate(texts)}
    return N_(separator.join(f"{{{name}}}" for name in values), **values)


def in_language(value: object, translate: Callable[[str], str]) -> object:
    """A message as `translate` says it; any other value as it is."""
    return value.translated(translate) if isinstance(value, Message) else value
