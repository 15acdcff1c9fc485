"""``bidsml compare``: exit code, table, JSON."""

import json

import pytest

from bidsml.cli import main


@pytest.fixture
def pair(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.tsv").write_text("x\n0.5\n")
    return str(tmp_path / "a"), str(tmp_path / "b"), tmp_path


def test_nothing_differs(pair, capsys):
    assert main(["compare", *pair[:2]]) == 0
    printed = capsys.readouterr().out
    assert "1 files: 1 identical" in printed
    assert "nothing differs" in printed


def test_tolerance_decides(pair, capsys):
    (pair[2] / "b" / "t.tsv").write_text("x\n0.501\n")
    assert main(["compare", *pair[:2]]) == 1
    printed = capsys.readouterr().out
    assert "line 2, column x: '0.5' and '0.501'" in printed
    assert "the outputs differ" in printed
    assert main(["compare", *pair[:2], "--rtol", "0.01"]) == 0
    assert "by at most 0.001" in capsys.readouterr().out
    assert main(["compare", *pair[:2], "--atol", "0.01"]) == 0


def test_json_lists_every_file(pair, capsys):
    (pair[2] / "b" / "[red]more.txt").write_text("")
    assert main(["compare", *pair[:2], "--json"]) == 1
    content = json.loads(capsys.readouterr().out)
    assert content["counts"]["only in B"] == 1
    assert [one["path"] for one in content["files"]] == ["[red]more.txt", "t.tsv"]
    assert content["tolerance"] == {"rtol": 1e-6, "atol": 1e-8}
    main(["compare", *pair[:2]])
    assert "[red]more.txt" in capsys.readouterr().out


def test_what_differs_stands_before_what_nearly_agrees(pair, capsys):
    for number in range(60):
        for folder, value in (("a", "1"), ("b", "1.0")):
            (pair[2] / folder / f"f{number:02d}.tsv").write_text(value)
    (pair[2] / "b" / "t.tsv").write_text("x\n9\n")
    assert main(["compare", *pair[:2]]) == 1
    printed = capsys.readouterr().out
    assert printed.index("t.tsv") < printed.index("f00.tsv")
    assert "… and 21 more" in printed
    assert main(["compare", *pair[:2], "-v"]) == 1
    assert "f59.tsv" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "code"), [(["nowhere"], 66), (["--rtol", "-1"], 64), (["--rtol", "x"], 64)])
def test_refusals(pair, words, code, capsys):
    first, second, _ = pair
    assert main(["compare", first, *(words if code == 66 else [second, *words])]) == code
    assert words[-1] in capsys.readouterr().err
