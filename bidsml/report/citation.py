"""The methods text as files: Markdown that cites by keys, HTML, and BibTeX, as fMRIPrep's ``CITATION`` has them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bidsml.report.bibliography import cite_keys, first_author, published_in, write_bibtex
from bidsml.report.blocks import Reference
from bidsml.report.methods_text import Sentence, sources_of
from bidsml.report.page import render_template

# A parenthesis without another inside: citations stand in these.
_PARENTHESIS = re.compile(r"\(([^()]*)\)")
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|$])")


@dataclass(frozen=True)
class MethodsText:
    """What was done, in paragraphs of sentences, and the sources of what has no sentence of its own.

    ``note`` says what the text rests on, for those who find the file alone.
    """

    title: str
    note: str
    paragraphs: tuple[tuple[Sentence, ...], ...]
    further: tuple[Reference, ...] = ()

    @property
    def sources(self) -> tuple[Reference, ...]:
        """Every source once, in the order of the text."""
        cited = sources_of([sentence for sentences in self.paragraphs for sentence in sentences])
        return tuple(dict.fromkeys((*cited, *self.further)))


def citation_files(text: MethodsText) -> dict[str, str]:
    """Write a methods text in every form, by the ending of the file's name: ``.md``, ``.html`` and ``.bib``."""
    return {".md": write_markdown(text), ".html": write_html(text), ".bib": write_bibtex(text.sources)}


def write_html(text: MethodsText) -> str:
    """Write a page of its own with the text and its references: it runs nothing and loads nothing."""
    paragraphs = [" ".join(sentence.text for sentence in sentences) for sentences in text.paragraphs]
    return render_template("methods.html", text=text, paragraphs=paragraphs, sources=text.sources)


def write_markdown(text: MethodsText) -> str:
    """Write Markdown with pandoc's citations, ``[@power2012]``; the keys are those of the BibTeX file."""
    keys = cite_keys(text.sources)
    lines = [f"# {_escape(text.title)}", f"<!-- {_comment(text.note)} -->"]
    for sentences in text.paragraphs:
        lines.append(" ".join(_cite(sentence, keys) for sentence in sentences))
    if text.further:
        cited = "; ".join(f"@{keys[source]}" for source in text.further)
        lines.append(f"Further sources: [{cited}].")
    lines.append("# References")
    return "\n\n".join(lines) + "\n"


def _comment(text: str) -> str:
    """Make text that cannot end a comment."""
    return _escape(text).replace("-->", "").replace("--", "–")


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _cite(sentence: Sentence, keys: Mapping[Reference, str]) -> str:
    """Put keys in the place of authors and years; a source that the words don't name is cited at the end."""
    named: set[Reference] = set()
    pieces = re.split(r"(\([^()]*\))", sentence.text)
    written = "".join(_cite_parenthesis(piece, sentence.sources, keys, named) for piece in pieces)
    left = [source for source in sentence.sources if source not in named]
    if not left:
        return written
    body, stop = (written[:-1], ".") if written.endswith(".") else (written, "")
    return f"{body} [{'; '.join(f'@{keys[source]}' for source in left)}]{stop}"


def _cite_parenthesis(
    piece: str, sources: tuple[Reference, ...], keys: Mapping[Reference, str], named: set[Reference]
) -> str:
    """Split a parenthesis into words, which stay, and citations, which become keys; adds to ``named``."""
    inside = _PARENTHESIS.fullmatch(piece)
    if inside is None:
        return _escape(piece)
    words, cited = [], []
    for part in inside[1].split("; "):
        found = next((source for source in sources if _names(part, source)), None)
        if found is None:
            words.append(_escape(part))
            continue
        named.add(found)
        before = re.sub(_cited(found), "", part).strip(" ,")
        cited.append(f"{_escape(before)} @{keys[found]}".strip())
    written = [f"({'; '.join(words)})"] * bool(words) + [f"[{'; '.join(cited)}]"] * bool(cited)
    return " ".join(written)


def _names(part: str, source: Reference) -> bool:
    return bool(first_author(source)) and re.search(_cited(source), part) is not None


def _cited(source: Reference) -> str:
    """Pattern of a source as the text names it: ``Power et al., 2012``, ``Phipson & Smyth, 2010``."""
    name, year = re.escape(first_author(source)), re.escape(published_in(source))
    return rf"{name}(?: et al\.| & [^\s,]+)?, {year}$"
