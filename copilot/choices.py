"""What to offer when a question is asked back: the names that its unclear words may mean."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz import fuzz

from copilot.app import App
from copilot.link import Linker, Links, tokenise
from copilot.names import Names, plain

MOST = 20
"""More names than this are no choice to click."""
NEAR = 70.0


def choices(app: App, names: Names, linker: Linker, what: str) -> list[str]:
    """Names to choose from, for what a program found unclear.

    Args:
        what: the words that fit several names (``"Dublin"``), or what is missing (``"which warehouse"``), or a name
            that is unknown, with its kind where that is clear (``"supplier Vantara"``).
    """
    found = linker.link(what)
    if kinds := _kinds_said(app, what):
        return _listed(names, kinds, what)
    if members := list(dict.fromkeys(_members(names, found))):
        return members[:MOST]
    return _nearest(names, what)


def _kinds_said(app: App, what: str) -> list[str]:
    """The kinds of name that the words speak of: ``vendor`` is a supplier, ``plans`` are plans."""
    said = {token.form for token in tokenise(what)}
    said |= {app.words[word] for word in said if word in app.words}
    return [kind.kind for kind in app.kinds.values() if said & {kind.kind, f"{kind.kind}s", plain(kind.plural)}]


def _listed(names: Names, kinds: Iterable[str], what: str) -> list[str]:
    listed = [name for kind in kinds for name in names.by_kind[kind]]
    if len(listed) > MOST:
        return []
    scores = {name: fuzz.partial_ratio(plain(name), plain(what)) for name in listed}
    return sorted(listed, key=lambda name: -scores[name]) if max(scores.values(), default=0) >= NEAR else listed


def _members(names: Names, found: Links) -> Iterable[str]:
    for link in found.links:
        for name, kind in link.meanings:
            members = names.members.get(kind, {}).get(name, ())
            yield from members or ([name] if kind in names.by_kind else [])


def _nearest(names: Names, what: str) -> list[str]:
    text = plain(what).replace(" ", "")
    near = [
        (fuzz.ratio(text, form.replace(" ", "")), name)
        for kind, forms in names.forms.items() if len(names.by_kind[kind]) <= MOST
        for form, meant in forms.items() for name in meant
    ]  # fmt: skip
    best = [name for score, name in sorted(near, reverse=True) if score >= NEAR]
    return list(dict.fromkeys(best))[:5]
