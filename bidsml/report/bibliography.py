"""Sources as BibTeX: every source of a methods text has a key, and an entry with its parts."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bidsml.report.blocks import Reference

_PARTS = re.compile(r"(?P<authors>.+?) (?P<year>\d{4})\. (?P<title>.+?)(?:\. (?P<where>.+?))?\.?")
_JOURNAL = re.compile(r"(?P<journal>.+) (?P<volume>\d+):(?P<pages>[\w–]+)")
_BOOK = re.compile(r"(?P<address>[^:]+): (?P<publisher>[^:]+)")
_ARXIV = re.compile(r"arXiv:(?P<eprint>[\d.]+)")
_NAME = re.compile(r"(?P<surname>.+) (?P<initials>[A-Z]+(?:-[A-Z])?)")
_ESCAPED = str.maketrans({letter: f"\\{letter}" for letter in "&%$#_{}"} | {"\\": "/", "~": "-", "^": "-"})


@dataclass(frozen=True)
class Entry:
    """One entry of a BibTeX file."""

    kind: str
    key: str
    fields: Mapping[str, str]

    def __str__(self) -> str:
        """Write it as BibTeX has it."""
        lines = [f"  {name} = {{{value}}}" for name, value in self.fields.items() if value]
        return f"@{self.kind}{{{self.key},\n" + ",\n".join(lines) + "\n}"


def write_bibtex(sources: Sequence[Reference]) -> str:
    """Write sources as a BibTeX file (UTF-8), in their order."""
    keys = cite_keys(sources)
    return "\n\n".join(str(make_entry(source, keys[source])) for source in keys) + "\n"


def cite_keys(sources: Sequence[Reference]) -> dict[Reference, str]:
    """Give each source a key of letters and digits, such as ``power2012``; no key twice."""
    keys: dict[Reference, str] = {}
    for source in dict.fromkeys(sources):
        base = _base_key(source)
        suffixes = ["", *"bcdefghijklmnopqrstuvwxyz", *map(str, range(27, 1000))]
        keys[source] = next(base + suffix for suffix in suffixes if base + suffix not in keys.values())
    return keys


def _base_key(source: Reference) -> str:
    found = _PARTS.fullmatch(source.text)
    name = first_author(source) if found else source.text.partition(" ")[0]
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return (re.sub(r"[^a-z0-9]", "", plain.lower()) or "source") + (found["year"] if found else "")


def first_author(source: Reference) -> str:
    """Surname of the first author as the text cites it: ``von Neumann``; empty where there is none."""
    found = _PARTS.fullmatch(source.text)
    if found is None:
        return ""
    first = found["authors"].removesuffix(" et al.").partition(", ")[0]
    name = _NAME.fullmatch(first)
    return name["surname"] if name else first


def published_in(source: Reference) -> str:
    """Year of a source as text; empty where it has none."""
    found = _PARTS.fullmatch(source.text)
    return found["year"] if found else ""


def make_entry(source: Reference, key: str) -> Entry:
    """Take a source apart into the fields of BibTeX.

    A source whose text has no author, year and title, such as one that an atlas brings along, becomes an entry of
    kind ``misc`` with its text as the title.
    """
    links = {"doi": source.doi, "url": source.url}
    found = _PARTS.fullmatch(source.text)
    if found is None:
        title, _, rest = source.text.rstrip(".").partition(". ")
        if rest and "contributors" in title:
            return Entry("misc", key, {"author": f"{{{_plain(title)}}}", "title": f"{{{_plain(rest)}}}", **links})
        return Entry("misc", key, {"title": f"{{{_plain(source.text.rstrip('.'))}}}", **links})
    fields = {"author": _authors(found["authors"]), "title": f"{{{_plain(found['title'])}}}", "year": found["year"]}
    where = found["where"] or ""
    if journal := _JOURNAL.fullmatch(where):
        pages = journal["pages"].replace("–", "--")
        place = {"journal": _plain(journal["journal"]), "volume": journal["volume"], "pages": pages}
        return Entry("article", key, fields | place | links)
    if arxiv := _ARXIV.fullmatch(where):
        return Entry("misc", key, fields | {"eprint": arxiv["eprint"], "archiveprefix": "arXiv"} | links)
    if book := _BOOK.fullmatch(where):
        place = {"publisher": _plain(book["publisher"]), "address": _plain(book["address"])}
        return Entry("book", key, fields | place | links)
    return Entry("inproceedings" if where else "misc", key, fields | {"booktitle": _plain(where)} | links)


def _authors(text: str) -> str:
    """Turn ``Phipson B, Smyth GK`` into ``Phipson, B. and Smyth, G. K.``."""
    names = text.removesuffix(" et al.").split(", ")
    written = [_author(name) for name in names]
    return " and ".join([*written, "others"] if text.endswith(" et al.") else written)


def _author(name: str) -> str:
    found = _NAME.fullmatch(name)
    if found is None:
        return f"{{{_plain(name)}}}"
    initials = " ".join("-".join(f"{letter}." for letter in part) for part in _split_initials(found["initials"]))
    return f"{_plain(found['surname'])}, {initials}"


def _split_initials(text: str) -> list[str]:
    """Split ``GK`` into ``G``, ``K``; letters with a hyphen between them, as in ``Q-H``, stay together."""
    return [part.replace("-", "") for part in re.findall(r"[A-Z](?:-[A-Z])?", text)]


def _plain(text: str) -> str:
    """Escape what has a meaning in BibTeX."""
    return " ".join(text.split()).translate(_ESCAPED)
