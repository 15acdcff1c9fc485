"""Links stay in the output folder and run nothing; cells become text or links."""

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidsml.errors import BidsmlError
from bidsml.report.blocks import Bullets, Facts, Link, Paragraph, Reference, Section, Table, safe_address
from bidsml.report.page import make_page


@pytest.mark.parametrize(
    ("href", "address"),
    [
        ("sub-01.html", "sub-01.html"),
        ("group/my analysis/weights.tsv", "group/my%20analysis/weights.tsv"),
        ("sub-01.html#motion", "sub-01.html#motion"),
        ("#errors", "#errors"),
        ("a%20b?.tsv", "a%2520b%3F.tsv"),
        ("group/é.tsv", "group/%C3%A9.tsv"),
        ("https://doi.org/10.1002/(SICI)1", "https://doi.org/10.1002/(SICI)1"),
    ],
)
def test_an_address_is_encoded_as_a_path_on_disk(href: str, address: str) -> None:
    assert safe_address(href) == address


@pytest.mark.parametrize(
    "href",
    [
        "", "javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "file:///etc/passwd", "http://x.org",
        "/etc/passwd", "//x.org/a", "../a.html", "group/../../a.html", "..", "\\\\x\\a", "C:\\a", "a\nb",
        "java\tscript:alert(1)", "https://", "https://x.org/a b", "mailto:a@b.c",
    ],
)  # fmt: skip
def test_an_address_that_runs_or_leaves_is_refused(href: str) -> None:
    with pytest.raises(BidsmlError, match="a link in a report must be"):
        Link("text", href)


@given(st.text())
def test_no_text_becomes_an_address_with_another_scheme_or_out_of_the_folder(href: str) -> None:
    try:
        address = safe_address(href)
    except BidsmlError:
        return
    assert address.isascii() and not set(address) & set("\"'<> \\")
    if not address.startswith("https://"):
        assert ":" not in address.split("/")[0].split("#")[0]
        assert ".." not in address.partition("#")[0].split("/")


def test_cells_facts_and_bullets_hold_text_or_links() -> None:
    link = Link("<b>one</b>", "sub-01.html#motion")
    blocks = (
        Table("People", ("Who", "Age"), ((link, "1"), ("two", Link("2", "https://x.org")))),
        Facts((("who", link),)),
        Bullets((link, "sub-02.html")),
    )
    page = make_page([Section("a", "A", "About.", blocks)], title="T", subtitle="S", version="1")
    main = lxml.html.fromstring(page.html).xpath("//main")[0]
    hrefs = [a.get("href") for a in main.xpath(".//a[not(@class)]")]
    assert hrefs == ["sub-01.html#motion", "https://x.org", "sub-01.html#motion", "sub-01.html#motion"]
    assert {a.text for a in main.xpath(".//a[@href='sub-01.html#motion']")} == {"<b>one</b>"}


def test_a_reference_with_an_address_that_runs_is_refused() -> None:
    assert Reference("a", doi="10.1/<x>").address == "https://doi.org/10.1/%3Cx%3E"
    with pytest.raises(BidsmlError):
        _ = Reference("a", url="javascript:alert(1)").address


def test_the_policy_and_addresses_are_not_taken_for_folders() -> None:
    """Folders are hidden in text; a digest or an address may have as many slashes."""
    address = "https://x.org/(a)/b/c"
    scripts = [f"const a = {i};" for i in range(300)]

    class Viewer(Paragraph):
        libraries = tuple(scripts)

    section = Section("a", "A", "About.", (Viewer("x"), Facts((("at", Link("x", address)),))))
    page = make_page([section], title="T", subtitle="S", version="1")
    assert f'href="{address}"' in page.html
    policy = lxml.html.fromstring(page.html).xpath("//meta[@http-equiv]/@content")[0]
    assert "…" not in policy
