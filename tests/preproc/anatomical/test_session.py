"""ANTs gets a folder, a seed and threads of its own, and leaves nothing behind."""

import os
import tempfile

import pytest

from bidsml.preproc.anatomical.session import ants_session


def test_temporary_files_lie_in_the_step_s_folder_and_are_gone_afterwards(tmp_path):
    before = tempfile.gettempdir()
    with ants_session(tmp_path / "step", seed=5) as scratch:
        assert tempfile.gettempdir() == str(scratch)
        assert scratch.parent == tmp_path / "step"
        (scratch / "field.nii.gz").write_bytes(b"x")
    assert list((tmp_path / "step").iterdir()) == []
    assert tempfile.gettempdir() == before


def test_the_environment_is_what_it_was_even_after_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "7")
    monkeypatch.delenv("ANTS_RANDOM_SEED", raising=False)
    with pytest.raises(RuntimeError, match="inside"), ants_session(tmp_path, seed=5, n_threads=2):
        assert os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] == "2"
        assert os.environ["ANTS_RANDOM_SEED"] == "5"
        raise RuntimeError("inside")
    assert os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] == "7"
    assert "ANTS_RANDOM_SEED" not in os.environ
    assert list(tmp_path.iterdir()) == []
