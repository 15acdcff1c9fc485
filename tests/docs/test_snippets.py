"""What the pages tell a reader to type: analyses load, their names are known, and command lines parse."""

import re
import shlex
from pathlib import Path

import pytest

from bidsml.app.check import check_names
from bidsml.arguments import build_parser, make_options, parse
from bidsml.atlases import list_atlases
from bidsml.cli import COMMANDS
from bidsml.errors import UsageError
from bidsml.features import CATALOG as FEATURES
from bidsml.spec import list_ready_made, load_analysis

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(path for folder in ("docs", "workflows", "containers") for path in (ROOT / folder).rglob("*.md")),
]
BLOCK = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
# What a page leaves out of an analysis, because it shows one table of it.
REST = {
    "[target]": '[target]\ncolumn = "diagnosis"\n',
    "[[features]]": '[[features]]\nkind = "connectome"\natlas = "power2011"\n',
}
ELSEWHERE = {
    *("--build-arg", "--cap-drop", "--cleanenv", "--containall", "--entrypoint", "--export", "--fakeroot", "--format"),
    *("--net", "--network", "--no-home", "--platform", "--read-only", "--rm", "--tmpfs", "--unsquash", "--user"),
    "--userns",
}
"""Options of other programs that the pages name."""


def show(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(*languages: str) -> list:
    """Blocks of code in these languages, without their indentation, each with its page and line."""
    found = []
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            language, _, title = match[2].strip().partition(" ")
            if language in languages and "pyproject" not in title:
                content = re.sub(rf"^{match[1]}", "", match[3], flags=re.MULTILINE)
                line = text.count("\n", 0, match.start()) + 1
                found.append(pytest.param(content, id=f"{show(path)}:{line}"))
    return found


def complete(fragment: str) -> str:
    """Put what a page leaves out around a part of an analysis."""
    named = fragment.partition("[")[0].lstrip().startswith("name")
    tables = [text for header, text in REST.items() if not re.search(rf"^{re.escape(header)}", fragment, re.MULTILINE)]
    return ("" if named else 'name = "shown"\n') + fragment + "".join(tables)


@pytest.mark.parametrize("fragment", blocks("toml"))
def test_every_analysis_that_is_shown_loads_and_names_what_there_is(fragment, tmp_path):
    path = tmp_path / "analysis.toml"
    path.write_text(complete(fragment), encoding="utf-8")
    if 'kind = "timescale"' in fragment or "my_section" in fragment:
        pytest.skip("the page's own package is not installed; test_extending installs it")
    spec = load_analysis(str(path))
    check_names(spec)
    for feature in spec.features:
        if feature.atlas and "{" not in feature.atlas and "/" not in feature.atlas:
            assert feature.atlas in list_atlases()


def test_what_is_left_out_is_put_in_once():
    shown = 'name = "a"\n[[features]]\nkind = "phenotype"\nfile = "x.tsv"\n'
    assert complete(shown).count("[[features]]") == 1 and complete(shown).count("[target]") == 1


def lines(script: str) -> list[str]:
    """Command lines of a block of a shell, continued ones joined, variables with their defaults."""
    joined = re.sub(r"\\\n\s*", " ", script)
    return [re.sub(r"\$\{\w+:-(\w+)\}", r"\1", line) for line in joined.splitlines()]


def calls() -> list:
    """Every call of bidsml that stands on a page, in a block or in a sentence, and which of the two."""
    found = []
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        scripts = [match[3] for match in BLOCK.finditer(text) if match[2].strip() in ("", "bash", "console")]
        shown = {line: True for script in scripts for line in lines(script)}
        shown |= {re.sub(r"\s+", " ", span): False for span in SPAN.findall(BLOCK.sub("", text))}
        for line, in_block in shown.items():
            words = re.match(r"(?:bidsml|(?:docker|apptainer) run .*?\bbidsml(?:\.sif)?) (.+)", line)
            if words and "…" not in line and "--entrypoint" not in line:
                found.append(pytest.param(words[1], in_block, id=f"{show(path)}: {line[:60]}"))
    return found


def test_calls_are_found():
    assert len(calls()) > 50


@pytest.mark.parametrize(("call", "in_block"), calls())
def test_every_call_that_is_shown_is_taken(call, in_block, capsys):
    from from_code.commands import find_parsers

    words = shlex.split(call.partition(" > ")[0], comments=True)
    if {"--help", "--bids-exec-spec"} & {*words}:
        assert words[0] in COMMANDS or len(words) == 1
        return
    if words[0] in COMMANDS:
        command = words[0]
        try:
            _, rest = find_parsers()[command].parse_known_args(words[1:])
        except UsageError as error:
            # A sentence may name a command without what it works on.
            assert not in_block and "arguments are required" in str(error)
            return
        assert not rest or command == "cluster", f"{command} does not take {rest}"
        words = ["in", "out", "participant", *rest]
    arguments = parse(build_parser(), words)
    assert arguments is not None, capsys.readouterr().err
    assert make_options(arguments, command=()).level in ("participant", "group")
    if not arguments.analysis.endswith(".toml"):
        check_names(load_analysis(arguments.analysis, overrides=arguments.overrides))


def test_the_front_page_lists_every_kind_and_ready_made_analysis():
    named = set(SPAN.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    assert set(FEATURES.own) <= named
    assert all(f"(workflows/{name})" in (ROOT / "README.md").read_text("utf-8") for name in ready_for_anyone())


def ready_for_anyone() -> list[str]:
    """Analyses that are not of `bidsml demo`'s own simulated people."""
    return [name for name in list_ready_made() if not name.startswith("demo")]


def test_every_option_in_a_sentence_is_one():
    from from_code.commands import find_parsers, list_options

    parsers = [build_parser(), *find_parsers().values()]
    known = {spelt for parser in parsers for _, action in list_options(parser) for spelt in action.option_strings}
    named = {
        (show(path), option.replace("_", "-"))
        for path in PAGES
        for span in SPAN.findall(BLOCK.sub("", path.read_text(encoding="utf-8")))
        if span.startswith(("--", "bidsml ", "-"))
        for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", span)
    }
    assert len(named) > 50
    assert {one for one in named if one[1] not in known | ELSEWHERE | {"--help"}} == set()
