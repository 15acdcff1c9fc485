import os

import pytest

from bidsml.bids.textfiles import (
    MAX_JSON_BYTES,
    MAX_TEXT_BYTES,
    read_cells,
    read_json,
    read_text,
    read_yaml,
    require_content,
)
from bidsml.errors import DataError, MissingInputError


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes(b"\xef\xbb\xbfparticipant_id\tage\nsub-1\t3\n")
    assert list(read_cells(path)) == ["participant_id", "age"]


def test_latin1_is_refused_with_line_and_byte(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes("id\tname\n1\tJosé\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"a\.tsv:2 .*0xe9 at position 13"):
        read_text(path)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_all_line_endings(tmp_path, ending):
    path = tmp_path / "a.tsv"
    path.write_bytes(ending.join(["a\tb", "1\tn/a", "2\t", ""]).encode())
    table = read_cells(path)
    assert table["a"].tolist() == ["1", "2"]
    assert table["b"].tolist() == [None, None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a\tb\n1\t2\n3\n", r":3 has 1 cells, the header has 2"),
        ("a\tb\n1\t2\t3\n", r":2 has 3 cells"),
        ("a\ta\n1\t2\n", "more than once: a"),
    ],
)
def test_malformed_tables_name_the_place(tmp_path, text, message):
    path = tmp_path / "a.tsv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_cells(path)


def test_malformed_json_names_the_line(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{\n "a": 1,\n "b": }\n')
    with pytest.raises(DataError, match=r"a\.json:3 is not valid JSON"):
        read_json(path)
    path.write_text("[1]")
    with pytest.raises(DataError, match="must hold a JSON object, found list"):
        read_json(path)


def test_annexed_content_that_is_not_here_gets_the_datalad_line(tmp_path):
    link = tmp_path / "a.tsv"
    link.symlink_to(".git/annex/objects/x/y")
    pointer = tmp_path / "b.tsv"
    pointer.write_text("/annex/objects/MD5E-s1--x.tsv\n")
    for path in (link, pointer):
        with pytest.raises(MissingInputError) as error:
            require_content(path)
        assert error.value.hint == f"datalad get {path}"
    with pytest.raises(MissingInputError, match="is not there"):
        require_content(tmp_path / "c.tsv")


# ------------------------------------------------------------------ text that is larger than it looks


def test_a_text_that_is_too_long_is_not_read(tmp_path):
    path = tmp_path / "x.tsv"
    with path.open("wb") as handle:
        handle.truncate(MAX_TEXT_BYTES + 1)  # takes no room on the disk
    with pytest.raises(DataError, match=f"{MAX_TEXT_BYTES} is the most"):
        read_text(path)
    path = tmp_path / "x.json"
    with path.open("wb") as handle:
        handle.truncate(MAX_JSON_BYTES + 1)
    with pytest.raises(DataError, match="the most that is read"):
        read_json(path)


@pytest.mark.parametrize("place", ["/dev/zero", "/"])
def test_what_is_no_file_is_not_read(tmp_path, place):
    (tmp_path / "participants.tsv").symlink_to(place)
    with pytest.raises(DataError, match="is not a file"):
        read_text(tmp_path / "participants.tsv")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "participants.tsv")
    with pytest.raises(DataError, match="is not a file"):
        read_text(tmp_path / "participants.tsv")


def test_yaml(tmp_path):
    path = tmp_path / "x.yml"
    path.write_text("plugin: SLURM\nplugin_args: {template: a.sh, n: [1, 2]}\n")
    assert read_yaml(path) == {"plugin": "SLURM", "plugin_args": {"template": "a.sh", "n": [1, 2]}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &a [1]\nb: *a\n", r"alias \*a is not taken"),
        ("a: !!python/object/apply:os.system ['true']\n", "could not determine a constructor"),
        ("[" * 5000, "nested too deeply|not YAML"),
        ("a: 2020-13-45\n", "not YAML"),
        ("a: {", "not YAML"),
        ("a: " + "x" * 1_000_000, "the most that is read"),
    ],
)
def test_yaml_that_is_refused(tmp_path, text, says):
    (tmp_path / "x.yml").write_text(text)
    with pytest.raises(DataError, match=says):
        read_yaml(tmp_path / "x.yml")


def test_a_billion_laughs(tmp_path):
    lines = ["a0: &a0 lol"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (tmp_path / "x.yml").write_text("\n".join(lines))
    with pytest.raises(DataError, match="alias"):
        read_yaml(tmp_path / "x.yml")
