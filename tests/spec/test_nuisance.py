"""The [nuisance] section: what goes together, and what else must know of it."""

import pytest

from bidsml.app.provenance import effective_toml
from bidsml.errors import AnalysisFileError
from bidsml.spec import features_digest, load_analysis, referenced_columns, spec_digest

BASE = """\
name = "small"
[target]
column = "phenotype/scores.tsv:dx"
[cohort]
site = "site"
[[features]]
kind = "connectome"
"""
FULL = """\
harmonize = "combat"
preserve = ["age", "phenotype/scores.tsv:iq"]
regress = ["mean_fd", "scanner"]
categories = ["scanner"]
unseen_site = "error"
allow_nonlinear = true
"""


@pytest.fixture
def load(tmp_path):
    def load(nuisance="", base=BASE, **kwargs):
        path = tmp_path / "analysis.toml"
        path.write_text(f"{base}[nuisance]\n{nuisance}", encoding="utf-8")
        return load_analysis(str(path), **kwargs)

    return load


def test_all_keys_survive_the_effective_toml(load, tmp_path):
    spec = load(FULL)
    again = tmp_path / "again.toml"
    again.write_text(effective_toml(spec), encoding="utf-8")
    assert load_analysis(str(again)) == spec


def test_features_are_shared_whatever_is_done_about_nuisance(load):
    plain, full = load(), load(FULL)
    assert features_digest(plain) == features_digest(full)
    assert spec_digest(plain) != spec_digest(full)


def test_new_columns_are_read(load):
    assert {"age", "phenotype/scores.tsv:iq", "mean_fd", "scanner", "site"} <= set(referenced_columns(load(FULL)))
    # What is preserved is no confound unless it is named so.
    assert load(FULL).nuisance.baseline == ("mean_fd", "scanner")


@pytest.mark.parametrize(
    ("nuisance", "words"),
    [
        ('harmonize = "combat"\npreserve = ["dx"]', "names the target 'dx'"),
        ('harmonize = "combat"\npreserve = ["phenotype/scores.tsv:dx"]', "names the target 'dx'"),
        ('regress = ["dx"]', "names the target 'dx'"),
        ('columns = ["dx"]', "names the target 'dx'"),
        ('harmonize = "combat"\npreserve = ["site"]', "what ComBat takes out"),
        ('preserve = ["age"]', "preserve has no meaning"),
        ('unseen_site = "error"', "unseen_site has no meaning"),
        ('categories = ["scanner"]', "in none of columns, regress and preserve"),
        ('harmonize = "combt"', "'none' or 'combat'"),
        ('harmonise = "combat"', "did you mean 'harmonize'"),
    ],
)
def test_contradictions(load, nuisance, words):
    with pytest.raises(AnalysisFileError, match=words):
        load(nuisance)


def test_combat_needs_a_site(load):
    with pytest.raises(AnalysisFileError, match=r"needs cohort\.site"):
        load('harmonize = "combat"', base=BASE.replace('[cohort]\nsite = "site"\n', ""))


def test_leaving_sites_out_and_refusing_unseen_sites_contradict(load):
    with pytest.raises(AnalysisFileError, match="tests unseen sites"):
        load(FULL, overrides=['cv.outer={kind = "leave-site-out"}'])
