"""``--boilerplate-only`` writes the methods text from the inputs, and nothing else."""

from dataclasses import replace

import pytest

from bidsml.app.run import run
from bidsml.errors import MissingInputError, NothingSelectedError
from bidsml.simulate import CohortDesign, simulate_cohort
from bidsml.spec import RunOptions


@pytest.fixture(scope="module")
def options(tmp_path_factory) -> RunOptions:
    folder = tmp_path_factory.mktemp("boilerplate")
    dataset = simulate_cohort(folder / "dataset", replace(CohortDesign(seed=0), n_participants=4))
    return RunOptions(
        bids_dir=dataset,
        output_dir=folder / "out",
        level="participant",
        work_dir=folder / "work",
        derivatives={name: dataset / "derivatives" / name for name in ("fmriprep", "atlas")},
        boilerplate_only=True,
    )


@pytest.mark.parametrize("level", ["participant", "group"])
def test_texts_are_written_and_nothing_is_computed(options: RunOptions, level: str, tmp_path) -> None:
    out = tmp_path / "out"
    status = run("demo", [], replace(options, level=level, output_dir=out, work_dir=tmp_path / "work"))
    assert status.exit_code == 0
    made = {path.name for path in out.rglob("*") if path.is_file() and path.suffix != ".jsonl"}
    stem = f"CITATION_{level}_analysis-demo"
    assert made == {f"{stem}.md", f"{stem}.html", f"{stem}.bib"}
    assert not (tmp_path / "work").exists()
    text = (out / "logs" / f"{stem}.md").read_text()
    assert "preprocessed BOLD images" in text and "of the demo atlas" in text and "{" not in text
    assert ("permutation test" in text) == (level == "group")
    assert ("Ridge regression" in text) == (level == "group")


def test_what_keeps_a_run_from_starting_keeps_the_text_from_being_written(options: RunOptions, tmp_path) -> None:
    missing = replace(options, output_dir=tmp_path / "out", derivatives={"fmriprep": tmp_path / "nowhere"})
    with pytest.raises(MissingInputError):
        run("demo", [], missing)
    other = replace(options, output_dir=tmp_path / "out", task_ids=("other",))
    with pytest.raises(NothingSelectedError):
        run("demo", [], other)
    assert not list((tmp_path / "out").rglob("CITATION*"))


def test_the_text_follows_the_analysis(options: RunOptions, tmp_path) -> None:
    changed = replace(options, level="group", output_dir=tmp_path / "out")
    run("demo", ["denoise.strategy=none", "inference.permutations=0", "estimators.0.kind=lda"], changed)
    text = (tmp_path / "out" / "logs" / "CITATION_group_analysis-demo.md").read_text()
    assert "without confound regression" in text and "@ciric2017" not in text
    assert "permutation" not in text and "Linear discriminant analysis" in text


def test_a_study_file_that_is_named_must_be_there(options: RunOptions, tmp_path) -> None:
    with pytest.raises(MissingInputError, match=r"nowhere\.toml"):
        run("demo", [], replace(options, level="group", study=tmp_path / "nowhere.toml"))
