"""``--use-plugin`` with Nipype's SLURM plugins, one job per node."""

import pytest

pytestmark = pytest.mark.slurm


def plugin_file(folder, name, arguments=""):
    path = folder / "plugin.yml"
    path.write_text(f"plugin: {name}\nplugin_args:\n  sbatch_args: '--time=00:10:00 {arguments}'\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["SLURM", "SLURMGraph"])
def test_a_participant_run_node_by_node_is_the_same(dataset, words, bidsml, undisturbed, tmp_path, name):
    place = tmp_path / "a place"
    place.mkdir()
    ran = bidsml(
        dataset, place / "out", "participant", "-w", place / "work", "--participant-label", "01", *words,
        "--use-plugin", plugin_file(place, name),
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for path in sorted((undisturbed / "sub-01").rglob("*")):
        if path.is_file() and path.suffix != ".json":
            assert (place / "out" / path.relative_to(undisturbed)).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize("name", ["SLURM", "SLURMGraph"])
def test_a_node_that_is_killed_is_named_and_the_run_can_be_resumed(dataset, words, bidsml, tmp_path, name):
    line = (dataset, tmp_path / "out", "participant", "-w", tmp_path / "work", "--participant-label", "02", *words)
    ran = bidsml(*line, "--use-plugin", plugin_file(tmp_path, name, "--mem=60M"))
    assert ran.returncode == 75, ran.stdout + ran.stderr
    assert "sub_02" in ran.stdout + ran.stderr and "killed" in ran.stdout + ran.stderr
    ran = bidsml(*line, "--use-plugin", plugin_file(tmp_path, name))
    assert ran.returncode == 0, ran.stdout + ran.stderr
