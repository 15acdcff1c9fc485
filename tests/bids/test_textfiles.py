import pytest

from bidsml.bids.textfiles import read_cells, read_json, read_text, require_content
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
