"""Pages that are made from the code: complete, and nothing undescribed."""

import argparse
import re

import pytest

from bidsml import errors
from bidsml.arguments import build_parser
from bidsml.cli import COMMANDS
from bidsml.features import CATALOG as FEATURES
from bidsml.learn.estimators import CATALOG as ESTIMATORS
from bidsml.report.group.answer import _BADGES
from bidsml.spec import AnalysisSpec, StudySpec, analysis_schema, load_analysis


def properties(schema, definitions):
    """Every key of a JSON Schema with the tables it stands in, e.g. ``cv.outer.folds``."""
    for name, part in schema.get("properties", {}).items():
        choices = [part, part.get("items", {}), *part.get("anyOf", [])]
        goal = next((choice["$ref"] for choice in choices if "$ref" in choice), None)
        if goal:
            inner = definitions[goal.rpartition("/")[2]]
            yield from (f"{name}.{key}" for key in properties(inner, definitions))
        else:
            yield name


def test_every_key_of_an_analysis_is_on_its_page_with_a_description():
    from from_code.keys import list_keys, write_analysis_page

    keys = list(list_keys(AnalysisSpec))
    assert [f"{key.table} {key.name}" for key in keys if not key.description] == []
    listed = {f"{key.table.strip('[]')}.{key.name}".lstrip(".") for key in keys}
    # Made another way: the schema that users see.
    schema = analysis_schema()
    assert listed == set(properties(schema, schema["$defs"]))
    page = write_analysis_page()
    assert all(f"`{key.name}`" in page for key in keys)
    assert "## `[cv.outer]`" in page
    assert "## `[[features]]`" in page


def test_every_key_of_a_study_is_on_its_page_with_a_description():
    from from_code.keys import list_keys, write_study_page

    keys = list(list_keys(StudySpec))
    assert [key.name for key in keys if not key.description] == []
    assert "approval" in write_study_page()


def test_limits_and_defaults_are_told():
    from from_code.keys import list_keys

    keys = {(key.table, key.name): key for key in list_keys(AnalysisSpec)}
    assert keys["[cv.outer]", "folds"].kind == "whole number ≥ 2, ≤ 1,000"
    assert keys["[cv.outer]", "folds"].default == "`10`"
    assert keys["", "name"].default == "**needed**"
    assert '"within-site"' in keys["[inference]", "exchange"].kind


def test_every_option_of_every_command_is_described():
    from from_code.commands import find_parsers, list_options, write_page

    parsers = {"": build_parser(), **find_parsers()}
    assert set(parsers) == {"", *COMMANDS}
    page = write_page()
    for name, parser in parsers.items():
        for _, action in list_options(parser):
            words = (action.help or "").partition("default:")[0]
            assert words.strip(" ;"), f"bidsml {name} {action.option_strings or action.metavar}"
            assert all(f"`{action.option_strings[0]}" in page for _ in action.option_strings[:1])
    assert "%(default)s" not in page


def test_an_option_without_a_value_shows_none():
    from from_code.commands import _spell

    parser = argparse.ArgumentParser()
    assert _spell(parser.add_argument("--flag", action="store_true")) == "--flag"
    assert _spell(parser.add_argument("-n", "--names", nargs="+", metavar="NAME")) == "-n, --names NAME …"


def test_every_exit_code_has_words_and_advice():
    from from_code.faults import _ADVICE, list_codes, write_page

    tree = errors.__doc__
    told = {int(number) for number in re.findall(r"Error +(\d+) ", tree)}
    assert told <= set(list_codes())
    assert set(list_codes()) == set(_ADVICE)
    assert all(text for text in list_codes().values())
    assert write_page().count("\n| `") >= len(_ADVICE)


def test_catalogs_are_complete():
    from from_code.catalogs import write_features_page, write_page

    features, others = write_features_page(), write_page()
    assert [name for name in FEATURES if f"`{name}`" not in features] == []
    assert [name for name in ESTIMATORS if f"`{name}`" not in others] == []


def test_every_kind_of_answer_is_explained(docs):
    page = (docs / "reading.md").read_text(encoding="utf-8")
    assert [badge for badge, _ in _BADGES.values() if f"| {badge} |" not in page] == []


EXAMPLE = re.compile(r"^ {4}```toml\n(.*?)^ {4}```$", re.MULTILINE | re.DOTALL)


def test_the_examples_of_choosing_load(docs, tmp_path):
    found = EXAMPLE.findall((docs / "choosing.md").read_text(encoding="utf-8"))
    assert len(found) == 3
    for text in found:
        path = tmp_path / "analysis.toml"
        path.write_text("\n".join(line[4:] for line in text.splitlines()), encoding="utf-8")
        load_analysis(str(path))


@pytest.mark.parametrize("text", ["a|b", "two\nlines"])
def test_nothing_breaks_out_of_a_table(text):
    from from_code.tables import write_table

    lines = write_table(("head",), [(text,)]).splitlines()
    assert len(lines) == 3
    assert len(re.findall(r"(?<!\\)\|", lines[2])) == 2


def test_a_bar_in_code_is_shown_as_it_is_and_ends_no_cell():
    from from_code.tables import write_table
    from markdown import markdown

    shown = markdown(write_table(("head", "other"), [("`NAME|FILE`", "a|b")]), extensions=["tables"])
    assert re.findall(r"<td>(.*?)</td>", shown) == ["<code>NAME|FILE</code>", "a|b"]


def test_patterns_of_the_navigation_find_pages_and_take_none_twice():
    from from_code.navigation import expand

    pages = {"a.md": "# Start", "features/index.md": "# All", "features/z.md": "# Apple", "features/b.md": "# pear"}
    nav = [{"Home": "a.md"}, {"Features": ["features/index.md", "features/*.md"]}, "peers*.md"]
    features = ["features/index.md", "features/z.md", "features/b.md"]
    assert expand(nav, pages) == [{"Home": "a.md"}, {"Features": features}]


def test_a_link_into_the_repository_becomes_its_name(tmp_path):
    from from_code.texts import include

    path = tmp_path / "README.md"
    path.write_text("[recipe](../Dockerfile), [site](https://a.org)\n```\n[kept](as/is)\n```\n", encoding="utf-8")
    assert include(path) == "recipe, [site](https://a.org)\n```\n[kept](as/is)\n```\n"


def test_no_page_needs_a_script_to_show_its_formulas(docs):
    # Drawn formulas would take MathJax, from a network or 2 MB of it.
    assert [path.name for path in docs.rglob("*.md") if "$$" in path.read_text(encoding="utf-8")] == []
