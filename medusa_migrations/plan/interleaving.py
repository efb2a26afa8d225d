"""SQL migrations and Django's in one order: the algorithm, on keys alone."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter

from medusa_migrations.migration import Key

# What each is to come after.
Needs = Mapping[Key, Collection[Key]]


def reachable(starts: Collection[Key], edges: Mapping[Key, Iterable[Key]]) -> set[Key]:
    """`starts`, and all keys that `edges` lead to from there, directly or through others."""
    found, todo = set(starts), list(starts)
    while todo:
        new = [other for other in edges.get(todo.pop(), ()) if other not in found]
        found.update(new)
        todo += new
    return found


def with_declared(needs: Needs, declared: Mapping[Key, Iterable[Key]]) -> dict[Key, set[Key]]:
    """`needs`, with what is `declared` added wherever that closes no circle.

    A Django migration that names an app made by SQL declares all SQL migrations of that, because its author could not
    name the right one; those that wait for it in turn are not meant.
    """
    firm = {key: set(others) for key, others in needs.items()}
    needed_by = defaultdict(list)
    for key, others in needs.items():
        for other in others:
            needed_by[other].append(key)
    for key, all_of_them in declared.items():
        waiting = reachable([key], needed_by)
        meant = [other for other in all_of_them if other not in waiting]
        firm.setdefault(key, set()).update(meant)
        for other in meant:
            needed_by[other].append(key)
    return firm


def interleave(
    django: Sequence[Key], sql: Sequence[Key], needs: Needs, wants: Mapping[Key, Iterable[Key]]
) -> list[Key]:
    """`django` and `sql` in one order, with all that they need.

    Each comes after what it `needs`, in which there are no circles, and after what it `wants` unless that waits for it
    in turn. `sql` keeps its order and comes as early as it can; what of `django` no SQL migration waits for comes last.
    Where one of Django's waits for an SQL migration, those that are before that in `sql` come first too.
    """
    position = {key: index for index, key in enumerate(sql)}
    own, whole = _masks(needs)
    done: dict[Key, None] = {}
    under_way: dict[Key, Iterator[Key]] = {}
    doing = 0  # the bits of those

    def before(key: Key) -> Iterator[Key]:
        needed = sorted(needs.get(key, ()), key=lambda other: (position.get(other, -1), other))
        last = position.get(needed[-1], -1) if needed and key not in position else -1
        return itertools.chain(itertools.islice(sql, last + 1), needed, wants.get(key, ()))

    def waits(key: Key) -> bool:
        """Whether `key` is under way, or needs something that is, however indirectly."""
        return key in under_way or bool(whole.get(key, 0) & doing)

    for root in (*sql, *django):
        if root not in done:
            under_way[root] = before(root)
            doing |= own.get(root, 0)
        while under_way:
            key, rest = next(reversed(under_way.items()))
            following = next((other for other in rest if other not in done and not waits(other)), None)
            if following is None:
                del under_way[key]
                doing &= ~own.get(key, 0)
                done[key] = None
            else:
                under_way[following] = before(following)
                doing |= own.get(following, 0)
    return list(done)


def _masks(needs: Needs) -> tuple[dict[Key, int], dict[Key, int]]:
    """A bit for each key of `needs`, and for each the bits of all that it needs, however indirectly, and its own.

    To follow the needs of each again and again would take the square of their number.
    """
    own: dict[Key, int] = {}
    whole: dict[Key, int] = {}
    for number, key in enumerate(TopologicalSorter(needs).static_order()):
        own[key] = mask = 1 << number
        for other in needs.get(key, ()):
            mask |= whole[other]
        whole[key] = mask
    return own, whole
