"""What single sections of the group page must and must not show."""

from dataclasses import replace

import numpy as np
import pytest

from bidsml.records import Attrition, PatternNull, Result
from bidsml.report.blocks import Facts, Figure, Paragraph, Section, Table
from bidsml.report.group import baselines, cohort, design, flow, null, provenance, sites, weights


def table(section: Section | None, caption: str) -> Table:
    return next(b for b in section.blocks if isinstance(b, Table) and caption in b.caption)


def figure(section: Section | None, name: str) -> Figure:
    return next(b for b in section.blocks if isinstance(b, Figure) and b.name == name)


def test_the_flow_accounts_for_everyone(binary: Result) -> None:
    steps = [int(row[1]) for row in figure(flow.section(binary), "flow").table.rows]
    assert steps == [159, 153, 151, 150, 150]
    assert steps[0] == binary.cohort.considered and steps[-1] == len(binary.cohort.target)


def test_small_cells_of_the_flow_are_hidden(binary: Result) -> None:
    rows = {row[0]: row[1:] for row in table(flow.section(binary), "by class").rows}
    assert rows["quality control"] == ("6", "0", "0")
    assert rows["condition of the analysis not met"] == ("0", "<5", "0")


def test_a_flow_with_many_odd_labels_is_still_a_table(binary: Result) -> None:
    odd = tuple(Attrition(f"x{i}", "target", "not among classes", f"label {i}") for i in range(30))
    made = replace(binary, cohort=replace(binary.cohort, attrition=odd, considered=180))
    shown = table(flow.section(made), "by class")
    assert shown.columns == ("Gate", "control", "patient", "other")
    assert shown.rows[0] == ("label missing", "0", "0", "30")


def test_the_cohort_table_agrees_with_pandas_and_hides_small_cells(binary: Result) -> None:
    people = binary.cohort.table.copy()
    people["hand"] = ["left"] * 3 + ["right"] * (len(people) - 3)
    made = replace(binary, cohort=replace(binary.cohort, table=people))
    rows = {row[0]: row[1:] for row in table(cohort.section(made), "Characteristics").rows}
    patients = people.age[binary.cohort.target == 1]
    assert rows["age"][2] == f"{patients.mean():.1f} ± {patients.std():.2f}"
    assert rows["sex: f"][0] == str((people.sex == "f").sum())
    left = (people.hand == "left") & (binary.cohort.target == 0)
    assert rows["hand: left"][0] == "<5"
    assert rows["hand: left"][1] == ("<5" if left.any() else "0")
    assert not any("birth" in name or "participant_id" in name for name in rows)


def test_the_design_counts_every_tested_person(binary: Result) -> None:
    made = design.section(binary)
    rows = table(made, "stratified").rows
    assert sum(int(row[3]) + int(row[4]) for row in rows) == 2 * len(binary.cohort.target)
    assert table(made, "Designs").rows[0][0::2][:2] == ("stratified", "5") and table(made, "Designs").rows[0][3] == "2"


def test_the_null_counts_draws(binary: Result) -> None:
    made = figure(null.section(binary), "null")
    assert sum(int(row[1]) for row in made.table.rows) == 200
    observed = binary.nulls[0].observed
    weaker = replace(binary.nulls[0], observed=float(np.median(binary.nulls[0].null)), p=0.5)
    assert "0 of 200 draws reach" in made.alt and f"{observed:.3f}" in made.alt
    assert "100 of 200 draws reach" in figure(null.section(replace(binary, nulls=(weaker,))), "null").alt


@pytest.mark.parametrize(
    ("mean", "scheme", "told"),
    [(0.53, "within sites", True), (0.5, "within sites", False), (0.53, "of single participants", False)],
)
def test_shuffled_labels_above_chance_are_explained(binary: Result, mean: float, scheme: str, told: bool) -> None:
    shuffled = np.random.default_rng(0).normal(mean, 0.001, 200)
    changed = replace(binary.nulls[0], null=shuffled, scheme=f"labels, {scheme}")
    blocks = null.section(replace(binary, nulls=(changed,))).blocks
    assert any("recognises the site" in b.text for b in blocks if isinstance(b, Paragraph)) is told


def test_the_null_states_its_scheme_and_floor(binary: Result) -> None:
    facts = dict(next(b for b in null.section(binary).blocks if isinstance(b, Facts)).pairs)
    assert facts["What is shuffled"] == "labels shuffled within site and test fold"
    assert facts["p"] == "p < 0.005 (at the floor: 200 draws can't show less)"


def null_facts(result: Result, **changes: object) -> dict[str, str]:
    changed = replace(result, nulls=(replace(result.nulls[0], **changes),))
    return dict(next(b for b in null.section(changed).blocks if isinstance(b, Facts)).pairs)


def test_the_null_names_engine_and_labellings_where_known(binary: Result) -> None:
    assert "Distinct labellings" not in null_facts(binary)
    assert null_facts(binary)["Engine"].startswith("general")
    assert null_facts(binary, engine="fast", n_distinct=70.0)["Distinct labellings"] == "70"
    assert null_facts(binary, n_distinct=1.234e58)["Distinct labellings"] == "about 10^58"
    assert null_facts(binary, n_distinct=float("inf"))["Distinct labellings"] == "more than 1e308"
    assert "all draws" in null_facts(binary, engine="fast")["Engine"]


def test_the_null_says_how_its_draws_ended(binary: Result) -> None:
    assert null_facts(binary)["Draws"] == "200"
    assert (
        null_facts(binary, exhaustive=True)["Draws"]
        == "200: every distinct labelling but the data's own, none by chance"
    )
    assert "stopped early" in null_facts(binary, stopped=True)["Draws"]


def test_a_tail_p_stands_beside_the_exact_p(binary: Result) -> None:
    name = "p from a Pareto tail (extrapolated, Knijnenburg 2009)"
    assert name not in null_facts(binary)
    facts = null_facts(binary, p_tail=2.34e-6, tail="120 exceedances")
    assert facts[name] == "p = 2.3e-06; 120 exceedances" and facts["p"] == null_facts(binary)["p"]
    assert null_facts(binary, tail="no tail fits")["Pareto tail"] == "no tail fits"


def test_baselines_show_models_and_differences_apart(binary: Result) -> None:
    made = baselines.section(binary)
    assert {row[0] for row in figure(made, "baselines").table.rows} == {
        "biomarker",
        "confounds alone",
        "confounds + biomarker",
    }
    assert figure(made, "differences").table.rows[0][0] == "biomarker minus confounds"


def test_a_row_that_has_no_interval_is_drawn_without_one(binary: Result) -> None:
    rows = tuple(replace(row, low=float("nan"), high=float("nan"), interval="") for row in binary.performance)
    assert "(no interval)" in figure(baselines.section(replace(binary, performance=rows)), "baselines").alt


def test_sites_with_few_people_get_no_figure(binary: Result) -> None:
    rows = tuple(
        replace(row, counts=(3, 20), estimate=float("nan"), low=float("nan"), high=float("nan"))
        if row.level == "Basel"
        else row
        for row in binary.subgroups
    )
    made = figure(sites.section(replace(binary, subgroups=rows)), "sites")
    basel = next(row for row in made.table.rows if row[0] == "Basel")
    assert basel[1] == "<5" and basel[3] == "n/a (<5 in a class)"
    assert "1 of 3 sites have too few people" in made.alt
    assert "Basel" not in made.svg


def test_left_out_sites_stand_under_their_sum_and_the_headline(binary: Result) -> None:
    made = figure(sites.section(binary), "sites")
    cv = next(cv for cv in binary.cv if (cv.model, cv.design) == ("biomarker", "leave-site-out"))
    names = [fold.name for fold in binary.folds if fold.design == "leave-site-out"]
    expected = {name: f"{value:.3f}" for name, value in zip(names, cv.fold_metrics["roc_auc"], strict=True)}
    assert {row[0]: row[3] for row in made.table.rows} == expected
    for words in ("all sites, each left out", "headline: sites known"):
        assert words in made.svg
    assert f"{binary.headline.estimate:.3f} where the model knew the site" in made.alt


@pytest.mark.parametrize("kind", ["binary", "three_classes", "regression"])
def test_the_strongest_pattern_leads_and_dropped_features_are_left_out(kind: str, request) -> None:
    result = request.getfixturevalue(kind)
    made = weights.section(result)
    for output, label in enumerate(result.weights[0].outputs):
        shown = table(made, f"towards {label}")
        best = result.weights[0].names[int(np.nanargmax(np.abs(result.weights[0].pattern[:, output])))]
        assert shown.rows[0][0] == best
        assert result.weights[0].names[5] not in {row[0] for row in shown.rows}


def test_corrected_patterns_rank_and_are_counted(binary: Result) -> None:
    shown = binary.weights[0]
    observed = np.linspace(-0.2, 0.6, len(shown.names))
    p = np.where(np.arange(len(observed)) >= len(observed) - 2, 0.005, 0.7)
    patterns = (
        PatternNull("feature", (), observed * 10, np.zeros((199, 1)), p, observed),
        PatternNull("network", ("Default", "Visual"), np.array([0.1, 0.3]), np.zeros((199, 2)), np.array([0.6, 0.01])),
    )
    nulls = (replace(binary.nulls[0], estimator=shown.estimator, patterns=patterns), *binary.nulls[1:])
    made = weights.section(replace(binary, nulls=nulls))
    assert table(made, "Strongest patterns").rows[0][0] == shown.names[-1]
    assert table(made, "Strongest patterns").rows[0][-1] == "0.0050"
    assert table(made, "Networks").rows[0] == ("Visual", "0.30", "0.010")
    assert f"2 of {len(observed):,} features and 1 of 2 networks" in made.lead
    assert "not tested" not in made.lead
    assert "not tested" in weights.section(binary).lead


def test_provenance_keeps_the_command_without_folders(binary: Result) -> None:
    facts = dict(next(b for b in provenance.section(binary).blocks if isinstance(b, Facts)).pairs)
    assert facts["Command"] == "bidsml …/abide …/out group --derivatives pcp=…/pcp"
    assert facts["Seed"] == "7"
