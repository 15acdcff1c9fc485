import json

from bidsml.bids.inheritance import SidecarFinder
from bidsml.bids.names import parse_entities


def test_the_nearest_most_specific_sidecar_wins_and_others_do_not_apply(tmp_path):
    files = {
        "task-rest_bold.json": {"a": "root", "b": "root", "c": "root"},
        "sub-01/sub-01_bold.json": {"b": "subject"},
        "sub-01/func/sub-01_task-rest_bold.json": {"c": "file"},
        "sub-01/func/sub-01_task-rest_run-1_bold.json": {"d": "run"},
        "task-nback_bold.json": {"a": "wrong task"},
        "sub-01/func/sub-01_task-rest_acq-x_bold.json": {"a": "one entity too many"},
        "sub-01/func/sub-01_task-rest_events.json": {"a": "wrong suffix"},
        "sub-02/func/sub-02_task-rest_bold.json": {"a": "wrong participant"},
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    finder = SidecarFinder(tmp_path)
    entities = parse_entities("sub-01_task-rest_run-1_bold.nii.gz")
    metadata, paths = finder.metadata(tmp_path / "sub-01" / "func", entities, suffix="bold")
    assert metadata == {"a": "root", "b": "subject", "c": "file", "d": "run"}
    assert [str(path.relative_to(tmp_path)) for path in paths] == list(files)[:4]


def test_nothing_above_the_dataset_is_read(tmp_path):
    (tmp_path / "task-rest_bold.json").write_text("{broken")
    finder = SidecarFinder(tmp_path / "bids")
    assert finder.metadata(tmp_path / "bids" / "sub-01", {"task": "rest"}, suffix="bold") == ({}, ())
