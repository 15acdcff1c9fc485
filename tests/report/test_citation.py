"""The methods text as files: every key of the Markdown is in the BibTeX, and the BibTeX can be read."""

import re

import lxml.html
import pytest

from bidsml.records import Result
from bidsml.report import references
from bidsml.report.bibliography import cite_keys, first_author, make_entry, write_bibtex
from bidsml.report.blocks import Reference
from bidsml.report.citation import MethodsText, citation_files, write_html, write_markdown
from bidsml.report.group.methods import methods_text
from bidsml.report.methods_text import Sentence

SOURCES = tuple(value for value in vars(references).values() if isinstance(value, Reference))
EVIL = '<script>alert("1")</script>'
_FIELDS = {"article": {"journal", "volume", "pages"}, "book": {"publisher"}, "inproceedings": {"booktitle"}}


def parse_bibtex(text: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Read BibTeX by its grammar: kind and fields by key; braces must be balanced, and nothing may be left over."""
    entries, place = {}, 0
    while place < len(text.rstrip()):
        head = re.compile(r"\s*@(\w+)\{([a-z0-9]+),").match(text, place)
        assert head, text[place : place + 60]
        place, fields = head.end(), {}
        while not (end := re.compile(r"\s*\}").match(text, place)):
            name = re.compile(r"\s*(\w+) = \{").match(text, place)
            assert name, text[place : place + 60]
            depth, start = 1, name.end()
            place = start
            while depth:
                assert place < len(text), "a brace is never closed"
                if text[place] == "\\":
                    place += 1
                else:
                    depth += {"{": 1, "}": -1}.get(text[place], 0)
                place += 1
            fields[name[1]] = text[start : place - 1]
            place += text[place : place + 1] == ","
        place = end.end()
        assert head[2] not in entries, "a key stands twice"
        entries[head[2]] = (head[1], fields)
    return entries


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.text[:30])
def test_every_source_has_an_entry_with_its_parts(source: Reference) -> None:
    ((key, (kind, fields)),) = parse_bibtex(write_bibtex([source])).items()
    assert fields["title"] and fields["author"], fields
    assert fields.get("doi", "") == source.doi and (source.doi or source.url or kind == "book")
    assert set(fields) >= _FIELDS.get(kind, set()), (kind, fields)
    if source is not references.NILEARN:
        assert fields["year"] in key and f" {fields['year']}. " in source.text
        surname = first_author(source)
        assert fields["author"].startswith(f"{surname}, "), fields["author"]
        assert key.startswith(re.sub("[^a-z]", "", surname.lower()))


def test_authors_are_written_as_bibtex_has_them() -> None:
    source = Reference("von Neumann J, Smyth G-K, Kent RH 1941. A title. Annals & Notes 12:153–162.", doi="10.1/x_y")
    _, fields = parse_bibtex(write_bibtex([source]))["vonneumann1941"]
    assert fields["author"] == "von Neumann, J. and Smyth, G.-K. and Kent, R. H."
    assert fields["pages"] == "153--162" and fields["journal"] == r"Annals \& Notes" and fields["doi"] == "10.1/x_y"
    many = make_entry(Reference("Power JD et al. 2012. A title. NeuroImage 59:1–2."), "power2012")
    assert many.fields["author"] == "Power, J. D. and others"


def test_keys_are_unique_and_the_same_every_time() -> None:
    keys = cite_keys(SOURCES)
    assert len(set(keys.values())) == len(SOURCES)
    assert keys == cite_keys(SOURCES)
    twins = [Reference(f"Power JD et al. 2012. Title {i}. NeuroImage 59:1–2.") for i in range(3)]
    assert list(cite_keys(twins).values()) == ["power2012", "power2012b", "power2012c"]


@pytest.mark.parametrize("kind", ["binary", "three_classes", "regression", "bare"])
def test_text_and_bibliography_name_each_other(kind: str, request: pytest.FixtureRequest) -> None:
    text = methods_text(request.getfixturevalue(kind))
    files = citation_files(text)
    assert set(files) == {".md", ".html", ".bib"}
    cited = set(re.findall(r"@([a-z0-9]+)", files[".md"]))
    assert cited == set(parse_bibtex(files[".bib"]))
    assert not re.search(r"et al\.|\(\)|\[\]|\s[.,;]", files[".md"]), "no author and year is left beside a key"
    assert files == citation_files(text)


def test_citations_become_keys_and_words_stay() -> None:
    sources = (references.CIRIC, references.POWER, references.KNIJNENBURG)
    words = (
        "Cleaned (as compared by Ciric et al., 2017; Power et al., 2012), with a tail (Knijnenburg et al., 2009; "
        "three of four), in one (n = 3)."
    )
    text = MethodsText("Title", "Note", ((Sentence(words, sources), Sentence("By nilearn.", (references.NILEARN,))),))
    assert (
        "Cleaned [as compared by @ciric2017; @power2012], with a tail (three of four) [@knijnenburg2009], in one "
        "(n = 3). By nilearn [@nilearn]." in write_markdown(text)
    )


def test_the_page_loads_and_runs_nothing(binary: Result) -> None:
    html = write_html(methods_text(binary))
    tree = lxml.html.fromstring(html)
    assert not tree.xpath("//script | //link | //img | //iframe")
    assert "default-src 'none'" in tree.xpath("//meta[@http-equiv]/@content")[0]
    assert tree.xpath("//a[@href='https://doi.org/10.1016/j.neuroimage.2013.10.067']")


def test_a_script_in_a_name_is_only_text() -> None:
    further = (Reference(f"atlas{EVIL}"),)
    text = MethodsText(f"Of {EVIL}", f"Note --> {EVIL}", ((Sentence(f"From {EVIL} @handle*."),),), further)
    files = citation_files(text)
    assert "<script" not in files[".html"] and "&lt;script&gt;" in files[".html"]
    markdown = files[".md"]
    assert not re.search(r"(?<!\\)<(?!!--)|(?<!\\)\*", markdown) and markdown.count("-->") == 1
    parse_bibtex(files[".bib"])
