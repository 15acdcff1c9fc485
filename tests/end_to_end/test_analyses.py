"""Other targets, designs, estimators and features through both levels, from tables and from BOLD."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from bidsml.learn.estimators import CATALOG

COLUMNS = ("verbal", "spatial", "speed", "span", "recall")
TABLE = ("--set", 'features=[{kind = "phenotype", file = "phenotype/tests.tsv"}]', "--set", "input={}")
AGE = ("--set", 'target={column = "age", task = "regression"}', "--set", 'nuisance.columns=["sex"]',
       "--set", "inference.primary_metric=r2")  # fmt: skip
FAST = ("--set", "cv.outer.repeats=1", "--set", "inference.permutations=4")


def read(path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", na_values="n/a", keep_default_na=False)


def outer(text: str) -> tuple[str, ...]:
    return ("--set", f"cv.outer={{{text}}}", "--set", "inference.permutations=4")


@pytest.fixture(scope="module")
def measured(cohort, place_at, tmp_path_factory):
    """Eighteen people with test scores, three diagnoses, families and a split; participant level finished."""
    folder = tmp_path_factory.mktemp("measured")
    shutil.copytree(cohort, folder / "dataset", ignore=shutil.ignore_patterns("derivatives"))
    place = place_at(folder / "dataset", folder / "out", folder / "work")
    for name in ("fmriprep", "atlas"):
        (folder / "dataset" / "derivatives" / name).mkdir(parents=True)
    rng = np.random.default_rng(3)
    n = 18
    people = pd.DataFrame(
        {
            "participant_id": [f"sub-{number:02d}" for number in range(1, n + 1)],
            "diagnosis": np.array(["control", "patient"])[np.arange(n) % 2],
            "stage": np.array(["early", "late", "none"])[np.arange(n) % 3],
            "age": rng.integers(20, 60, n),
            "sex": rng.choice(["F", "M"], n),
            "site": np.array(["north", "south"])[(np.arange(n) // 2) % 2],
            "mean_fd": rng.uniform(0.08, 0.25, n).round(3),
            "family": [f"f{number // 2}" for number in range(n)],
            "wave": np.array(["one", "two", "three"])[np.arange(n) // 6],
            "part": np.where(np.arange(n) < 12, "train", "test"),
        }
    )
    people.to_csv(folder / "dataset" / "participants.tsv", sep="\t", index=False)
    scores = pd.DataFrame(rng.normal(size=(n, len(COLUMNS))).round(4), columns=COLUMNS)
    scores["verbal"] += 0.1 * people["age"]
    scores.insert(0, "participant_id", people["participant_id"])
    (folder / "dataset" / "phenotype").mkdir()
    scores.to_csv(folder / "dataset" / "phenotype" / "tests.tsv", sep="\t", index=False)
    ran = place.run("participant", *TABLE)
    assert ran.code == 0, ran.text
    return place


@pytest.fixture
def group(measured, place_at, tmp_path):
    """Run the group level on a copy of the participants' output; give the tables."""

    def run(*words: str) -> dict[str, pd.DataFrame]:
        out = tmp_path / "out"
        if not out.exists():
            shutil.copytree(measured.output, out)
        place = place_at(measured.dataset, out, tmp_path / "work")
        ran = place.run("group", *TABLE, *words)
        assert ran.code == 0, ran.text
        assert (out / "group-demo.html").stat().st_size > 10_000
        return {path.stem: read(path) for path in place.group.glob("*.tsv")}

    return run


def headline(tables: dict[str, pd.DataFrame], metric: str) -> float:
    rows = tables["performance"].query("model == 'biomarker' and metric == @metric")
    return float(rows["estimate"].iloc[0])


SLOW = {"forest", "boosting"}


def estimators(task: str, *, slow: bool) -> tuple[list[str], tuple[str, str]]:
    """Names of the catalog, and the words that ask for all of them at once."""
    names = [name for name, kind in CATALOG.items() if task in kind.tasks and (name in SLOW) == slow]
    entries = ", ".join(f'{{kind = "{name}"}}' for name in names)
    return names, ("--set", f"estimators=[{entries}]")


@pytest.mark.slow
@pytest.mark.parametrize("slow", [False, True], ids=["quick ones", "slow ones"])
def test_every_classifier(group, slow):
    names, words = estimators("classification", slow=slow)
    tables = group(*words, *FAST)
    headlines = tables["performance"].query("model == 'biomarker' and design == 'stratified' and metric == 'roc_auc'")
    assert set(headlines["estimator"]) == set(names)
    assert headlines["estimate"].between(0, 1).all()
    linear = {name for name in names if CATALOG[name].linear}
    assert (set(tables["weights"]["estimator"]) if "weights" in tables else set()) == linear
    tested = {
        name: set(one[["design", "repeat", "participant_id"]].itertuples(index=False, name=None))
        for name, one in tables["predictions"].groupby("estimator")
    }
    assert set(tested) == set(names)
    assert all(rows == tested[names[0]] for rows in tested.values()), "all use the same folds"


@pytest.mark.slow
@pytest.mark.parametrize("slow", [False, True], ids=["quick ones", "slow ones"])
def test_every_regressor(group, slow):
    names, words = estimators("regression", slow=slow)
    tables = group(*words, *AGE, *FAST)
    mine = tables["predictions"].query("model == 'biomarker' and design == 'stratified'")
    assert set(mine["estimator"]) == set(names)
    assert np.isfinite(mine["predicted"]).all()
    ages = dict(zip(tables["cohort"]["participant_id"], tables["cohort"]["label"].astype(float), strict=True))
    np.testing.assert_allclose(mine["observed"], mine["participant_id"].map(ages))


def test_three_classes(group):
    tables = group("--set", 'target={column = "stage"}', *FAST)
    mine = tables["predictions"].query("model == 'biomarker' and design == 'stratified'")
    scores = mine[["score_early", "score_late", "score_none"]].to_numpy()
    aucs = [
        roc_auc_score(mine["observed"] == name, scores[:, column])
        for column, name in enumerate(("early", "late", "none"))
    ]
    assert headline(tables, "roc_auc") == pytest.approx(np.mean(aucs), abs=1e-9)
    assert set(mine["predicted"]) <= {"early", "late", "none"}
    assert set(tables["weights"]["output"]) == {"early", "late", "none"}


@pytest.mark.slow
def test_two_of_three_classes(group):
    tables = group("--set", 'target={column = "stage", classes = ["early", "none"], positive = "early"}', *FAST)
    left = tables["cohort"].query("included == 'no'")
    assert (left["gate"] == "classes").all()
    assert set(left["label"]) == {"late"}
    assert set(tables["predictions"]["observed"]) == {"early", "none"}


def test_regression_r2_is_against_the_training_mean(group):
    tables = group(*AGE, *outer('kind = "fixed", column = "part"'))
    mine = tables["predictions"].query("model == 'biomarker' and design == 'fixed'")
    train = tables["folds"].query("design == 'fixed' and role == 'train'")["participant_id"]
    ages = tables["cohort"].set_index("participant_id")["label"].astype(float)
    residual = ((mine["observed"] - mine["predicted"]) ** 2).sum()
    around = ((mine["observed"] - ages[train].mean()) ** 2).sum()
    assert headline(tables, "r2") == pytest.approx(1 - residual / around, abs=1e-9)
    assert headline(tables, "r2") != pytest.approx(r2_score(mine["observed"], mine["predicted"]), abs=1e-6)


def test_fixed_split(group):
    tables = group(*outer('kind = "fixed", column = "part"'))
    folds = tables["folds"].query("design == 'fixed'").set_index("participant_id")["role"]
    assert folds[[f"sub-{number:02d}" for number in range(1, 19)]].tolist() == ["train"] * 12 + ["test"] * 6
    tested = tables["predictions"].query("design == 'fixed'")["participant_id"]
    assert set(tested) == {f"sub-{number:02d}" for number in range(13, 19)}


@pytest.mark.slow
def test_leave_group_out(group):
    tables = group(*outer('kind = "leave-group-out", column = "wave"'))
    tested = tables["folds"].query("design == 'leave-group-out' and role == 'test'")
    assert {frozenset(fold["participant_id"]) for _, fold in tested.groupby("fold")} == {
        frozenset(f"sub-{number:02d}" for number in range(start, start + 6)) for start in (1, 7, 13)
    }


def test_families_stay_together(group):
    tables = group("--set", 'cohort.group="family"', "--set", "cohort.site=", *FAST)
    assert set(tables["folds"]["design"]) == {"stratified"}
    number = tables["folds"]["participant_id"].str.removeprefix("sub-").astype(int)
    tables["folds"]["family"] = (number - 1) // 2
    for _, fold in tables["folds"].groupby(["repeat", "fold"]):
        assert fold.groupby("family")["role"].nunique().max() == 1


def test_a_family_over_both_sides_of_a_fixed_split_is_refused(measured, place_at, tmp_path):
    shutil.copytree(measured.output, tmp_path / "out")
    shutil.copytree(measured.dataset, tmp_path / "dataset")
    people = read(tmp_path / "dataset" / "participants.tsv")
    people["part"] = np.where(np.arange(18) < 11, "train", "test")
    people.to_csv(tmp_path / "dataset" / "participants.tsv", sep="\t", index=False)
    place = place_at(tmp_path / "dataset", tmp_path / "out", tmp_path / "work")
    ran = place.run(
        "group", *TABLE, "--set", 'cohort.group="family"', *outer('kind = "fixed", column = "part"')
    )  # fmt: skip
    assert ran.code in (65, 78), ran.text
    assert "f5" in ran.text


def test_a_nuisance_column_that_one_fold_cannot_know(group):
    # With two sites, the training rows of leave-site-out are all of one: the baseline knows nothing there.
    tables = group("--set", 'nuisance.columns=["site"]', *FAST)
    rows = tables["performance"].query("model == 'nuisance' and design == 'leave-site-out' and metric == 'roc_auc'")
    assert rows["estimate"].iloc[0] == pytest.approx(0.5)


def test_no_permutations(group):
    tables = group("--set", "cv.outer.repeats=1", "--set", "inference.permutations=0")
    assert tables["performance"].query("model == 'biomarker'")["p"].isna().all()


# ------------------------------------------------------------------ features of BOLD


BLOCKS = """features=[
{kind = "connectome", atlas = "{atlas}", measure = "tangent"},
{kind = "connectome", name = "partial", atlas = "{atlas}", measure = "partial"},
{kind = "roi_signal", atlas = "{atlas}"},
{kind = "amplitude", atlas = "{atlas}", measure = "alff"},
{kind = "phenotype", file = "phenotype/tests.tsv"}]"""


def test_five_blocks_of_five_kinds(place):
    people = read(place.dataset / "participants.tsv")
    (place.dataset / "phenotype").mkdir()
    scores = pd.DataFrame({"participant_id": people["participant_id"], "verbal": np.arange(12) * 0.5 % 3.1})
    scores.loc[3, "verbal"] = np.nan
    scores.to_csv(place.dataset / "phenotype" / "tests.tsv", sep="\t", index=False, na_rep="n/a")
    words = ("--set", BLOCKS.replace("\n", ""), *FAST)
    ran = place.run("participant", *words)
    assert ran.code == 0, ran.text
    manifest = json.loads((place.output / "sub-01" / "sub-01_bidsml.json").read_text())
    blocks = ["connectome", "partial", "roi-signal", "amplitude", "phenotype"]
    assert sorted(manifest["analyses"]["demo"]["features"]) == sorted(blocks)
    ran = place.run("group", *words)
    assert ran.code == 0, ran.text
    names = read(place.group / "weights.tsv")["feature"]
    counts = names.str.partition(":")[0].value_counts()
    # 24 regions: 300 covariances with the diagonal, 276 edges, one value a region, one test score.
    assert counts.to_dict() == dict(zip(blocks, (300, 276, 24, 24, 1), strict=True))


def test_combat_and_what_the_report_says_of_it(group, tmp_path):
    words = (
        "nuisance.columns=[]",
        "nuisance.harmonize=combat",
        'nuisance.preserve=["age"]',
        'nuisance.regress=["sex"]',
    )
    tables = group(*(part for word in words for part in ("--set", word)), *FAST)
    page = (tmp_path / "out" / "group-demo.html").read_text(encoding="utf-8")
    assert "harmonised over sites by ComBat, with the effect of age kept" in page
    assert "ComBat, leave-site-out: 18 test rows of 2 folds came from sites unseen in training" in page
    assert "leave-site-out" in set(tables["performance"]["design"])
