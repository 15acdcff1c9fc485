import json

import pytest
from pydantic import ValidationError

from bidsml.spec import AnalysisSpec, referenced_columns


def analysis(**sections):
    content = {"name": "a", "target": {"column": "diagnosis"}, "features": [{"kind": "phenotype"}], **sections}
    return AnalysisSpec.model_validate_json(json.dumps(content))


def test_columns_are_read():
    spec = analysis(normative={"columns": ["age", "phenotype/family.tsv:income"]})
    assert {"age", "phenotype/family.tsv:income"} <= set(referenced_columns(spec))


def test_an_effective_analysis_loads_to_itself():
    for spec in (analysis(), analysis(normative={"columns": ["age"], "reference": "diagnosis == 'control'"})):
        assert AnalysisSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"normative": {"columns": ["diagnosis"]}}, "names the target"),
        ({"normative": {"columns": ["phenotype/d.tsv:diagnosis"]}}, "names the target"),
        ({"normative": {"site": True}}, "needs cohort.site"),
        ({"normative": {"columns": ["site"]}, "cohort": {"site": "site"}}, "names the site"),
        ({"normative": {}, "nuisance": {"regress": ["age"]}}, "use one of them"),
        ({"normative": {}, "nuisance": {"harmonize": "combat"}, "cohort": {"site": "site"}}, "use one of them"),
        (
            {
                "normative": {"unseen_site": "error"},
                "cohort": {"site": "site"},
                "cv": {"outer": {"kind": "leave-site-out"}},
            },
            "unseen_site",
        ),
        ({"normative": {"knots": 1}}, "knots"),
        ({"normative": {"colums": ["age"]}}, "colums"),
    ],
)
def test_what_does_not_go_together(sections, words):
    with pytest.raises(ValidationError, match=words):
        analysis(**sections)
