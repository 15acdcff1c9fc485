"""``bidsml check-plugin`` and ``bidsml doctor`` on packages that extend bidsml."""

import pytest
from packages import installed, write_package

from bidsml.cli import main
from bidsml.errors import AnalysisFileError
from bidsml.extension import ESTIMATORS, FEATURES, GROUP_SECTIONS, PARTICIPANT_SECTIONS

ESTIMATOR = '''
from sklearn.linear_model import Ridge, RidgeClassifier
from bidsml.learn.estimators import EstimatorKind

def build(task, *, class_weight, seed):
    """Build a ridge of one strength."""
    if task == "regression":
        return Ridge(alpha=10.0, random_state=seed), {}
    return RidgeClassifier(alpha=10.0, class_weight=None if class_weight == "none" else class_weight), {}

KIND = EstimatorKind(build, frozenset({"classification", "regression"}), linear=True, label="ridge of one strength")
'''
SECTIONS = '''
from bidsml.report.blocks import Section

def people(result):
    """Count the scans of a person."""
    return Section("lab", "Our lab", f"There are {len(result.scans)} scans.")

def untold(result):
    return Section("lab", "", "")
'''
MEASURE = '''
from bidsml.features import FeatureKind
from bidsml.records import FeatureVector

def extract(data, *, block, options):
    """Mean density."""
    return FeatureVector(block, "mean_density", "density", data.regions, data.density, missing=data.missing)

KIND = FeatureKind(name="mean_density", needs=frozenset({"density"}), measures=("density",), keys=frozenset({"atlas"}),
                   summary="density of each region", units=("1",), function=extract)
'''


@pytest.fixture
def lab(tmp_path):
    points = {
        FEATURES: {"mean_density": "lab_measure:KIND", "lost": "lab_lost:KIND"},
        ESTIMATORS: {"firm": "lab_estimator:KIND"},
        PARTICIPANT_SECTIONS: {"people": "lab_sections:people"},
        GROUP_SECTIONS: {"untold": "lab_sections:untold"},
    }
    modules = {"lab_measure": MEASURE, "lab_estimator": ESTIMATOR, "lab_sections": SECTIONS}
    write_package(tmp_path, "lab-kit", version="0.3", entry_points=points, **modules)
    with installed(tmp_path):
        yield tmp_path


@pytest.mark.parametrize(("name", "ran"), [("mean_density", "one person's density"), ("people", "Our lab")])
def test_what_keeps_the_contract_passes(lab, name, ran, capsys):
    assert main(["check-plugin", name]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{name} (" in shown and "of lab-kit 0.3" in shown
    assert "checks passed" in shown and "FAIL" not in shown
    assert ran in shown


def test_an_estimator_is_cross_validated_under_nipype(lab, capsys):
    assert main(["check-plugin", "firm"]) == 0, capsys.readouterr().out
    shown = " ".join(capsys.readouterr().out.split())
    assert "classification: roc_auc" in shown and "regression: r2" in shown


def test_what_breaks_it_fails_in_words(lab, capsys):
    assert main(["check-plugin", "untold", "--failed"]) == 69
    shown = " ".join(capsys.readouterr().out.split())
    assert "no docstring" in shown and "needs a title" in shown and "checks failed" in shown
    assert "pass " not in shown


def test_what_cannot_be_imported_fails_by_name(lab, capsys):
    assert main(["check-plugin", "lost"]) == 69
    shown = " ".join(capsys.readouterr().out.split())
    assert "lab-kit 0.3" in shown and "No module named 'lab_lost'" in shown
    assert "1 of 1 checks failed" in shown


def test_a_package_is_checked_as_a_whole_however_it_is_spelt(lab, capsys):
    assert main(["check-plugin", "Lab_Kit", "--failed"]) == 69
    shown = capsys.readouterr().out
    for name in ("mean_density", "lost", "firm", "people", "untold"):
        assert name in shown


def test_a_name_that_nobody_offers(lab, capsys):
    assert main(["check-plugin", "mean_densty"]) == 64
    assert "'mean_density'" in capsys.readouterr().err


def test_doctor_lists_extensions_and_says_which_are_broken(lab, capsys):
    assert main(["doctor"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "mean_density (feature kind) of lab-kit 0.3" in shown
    assert "lost (feature kind) of lab-kit 0.3 cannot be used" in shown
    assert "firm (estimator) of lab-kit 0.3" in shown


def test_sections_are_asked_for_by_the_analysis_and_stand_before_the_methods(lab):
    from dataclasses import replace

    from bidsml.contract.results import simulate_participant_result
    from bidsml.report import render_participant

    result = simulate_participant_result()
    assert "Our lab" not in render_participant(result).html
    provenance = replace(result.provenance, analysis={"report": {"sections": ["people"]}})
    html = render_participant(replace(result, provenance=provenance)).html
    missing = replace(result.provenance, analysis={"report": {"sections": ["poeple"]}})
    with pytest.raises(AnalysisFileError, match="no installed package offers a section 'poeple'"):
        render_participant(replace(result, provenance=missing))
    assert html.index('id="features"') < html.index("There are 1 scans.") < html.index('id="methods"')
