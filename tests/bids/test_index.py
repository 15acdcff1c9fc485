from concurrent.futures import ProcessPoolExecutor

import pytest

from bidsml.bids.index import list_files
from bidsml.errors import DataError, MissingInputError


def names(paths):
    return [path.name for path in paths]


def test_only_the_asked_participants_folders_are_walked(dataset):
    dataset.add_relmats(labels=("1", "10", "2"))
    found = list_files(dataset.derivatives["ready"], name="ready", labels=("1",))
    assert [name.partition("_")[0] for name in names(found)] == ["sub-1"]  # not sub-10


def test_nested_datasets_and_anatomy_are_not_walked(dataset):
    dataset.add_relmats("")
    for folder in ("derivatives/x/sub-01/func", "sourcedata/sub-01/func", "sub-01/anat", ".git/sub-01/func"):
        dataset.add("", f"{folder}/sub-01_task-other_atlas-A_relmat.tsv")
    assert not [name for name in names(list_files(dataset.root, name="")) if "other" in name]


def test_many_processes_may_want_one_database(dataset, tmp_path):
    dataset.add_relmats()
    root = dataset.derivatives["ready"]
    plain = list_files(root, name="ready")
    with ProcessPoolExecutor(4) as pool:
        futures = [pool.submit(list_files, root, name="ready", database_dir=tmp_path / "db") for _ in range(6)]
        assert [future.result() for future in futures] == [plain] * 6
    assert len(plain) == 2


def test_errors(dataset, tmp_path):
    with pytest.raises(MissingInputError, match="absent"):
        list_files(tmp_path / "absent", name="x")
    dataset.add("ready", "dataset_description.json", "{\n broken")
    with pytest.raises(DataError, match=r"dataset_description\.json:2"):
        list_files(dataset.derivatives["ready"], name="ready")
