"""``bidsml demo`` writes into a folder of its own."""

from bidsml.cli import main


def test_a_folder_with_something_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["demo", str(tmp_path)]) == 73
    assert "something else" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_misspelt_option(tmp_path, capsys):
    assert main(["demo", str(tmp_path / "x"), "--nul"]) == 64
    assert "--null" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
