"""analysis.toml: what is accepted, and what an error says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidsml.app.provenance import effective_toml
from bidsml.errors import AnalysisFileError, BidsmlError, MissingInputError, UsageError
from bidsml.spec import AnalysisSpec, features_digest, list_ready_made, load_analysis, spec_digest

MINIMAL = """\
name = "small"
[target]
column = "diagnosis"
[[features]]
kind = "connectome"
[[features]]
kind = "phenotype"
file = "phenotype/asrs.tsv"
"""


@pytest.fixture
def analysis(tmp_path):
    def write(text=MINIMAL):
        path = tmp_path / "analysis.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_minimal_file_loads_and_is_frozen(analysis):
    spec = load_analysis(analysis())
    assert spec.block_names == ("connectome", "phenotype")
    with pytest.raises(Exception, match="frozen"):
        spec.name = "other"


@pytest.mark.parametrize("name", list_ready_made())
def test_every_ready_made_analysis_survives_its_own_effective_toml(name, analysis):
    spec = load_analysis(name)
    assert spec.name == name
    assert load_analysis(analysis(effective_toml(spec))) == spec


def test_the_design_names_the_ready_made_analyses():
    assert {"rest-connectome", "abide-connectome", "phenotype-only", "brain-age"} <= set(list_ready_made())


def test_unknown_key_names_file_line_and_near_name(analysis):
    path = analysis(MINIMAL.replace('file = "phenotype/asrs.tsv"', 'fiel = "phenotype/asrs.tsv"'))
    with pytest.raises(AnalysisFileError) as caught:
        load_analysis(path)
    assert f"{path}:8" in caught.value.message
    assert "features.1.fiel" in caught.value.message
    assert "'file'" in caught.value.message
    assert caught.value.exit_code == 78


def test_wrong_type_says_what_was_found(analysis):
    with pytest.raises(AnalysisFileError, match=r":10: cv.outer.folds: .*'ten'"):
        load_analysis(analysis(MINIMAL + '[cv]\nouter = {folds = "ten"}\n'))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('column = "diagnosis"', 'column = "diagnosis"\ntask = "regression"\npositive = "x"'), "no meaning"),
        (('name = "small"', 'name = "../up"'), "name"),
        (('name = "small"', 'name = "small"\nnonsense = 1'), "unknown key 'nonsense'"),
        (('kind = "connectome"', 'kind = "connectome"\nname = "phenotype"\n'), None),
    ],
)
def test_contradictions(change, words, analysis):
    path = analysis(MINIMAL.replace(*change))
    if words is None:
        assert load_analysis(path).block_names == ("phenotype", "phenotype-2")
        return
    with pytest.raises(AnalysisFileError, match=words):
        load_analysis(path)


def test_leave_site_out_needs_a_site(analysis):
    with pytest.raises(AnalysisFileError, match=r"needs cohort\.site"):
        load_analysis(analysis(MINIMAL + '[cv]\nouter = {kind = "leave-site-out"}\n'))


def test_overrides_reach_nested_keys_and_list_entries(analysis):
    overrides = ["inference.permutations=7", "features.0.atlas=power2011", 'target.positive="yes"']
    spec = load_analysis(analysis(), overrides=overrides)
    assert (spec.inference.permutations, spec.features[0].atlas, spec.target.positive) == (7, "power2011", "yes")


@pytest.mark.parametrize("override", ["noequals", "=1", "features.9.atlas=x", "name.deeper=1"])
def test_a_bad_override_is_a_usage_error(override, analysis):
    with pytest.raises(UsageError, match="--set"):
        load_analysis(analysis(), overrides=[override])


def test_unknown_analysis_offers_near_names():
    with pytest.raises(AnalysisFileError, match="did you mean 'rest-connectome'"):
        load_analysis("rest-conectome")
    with pytest.raises(MissingInputError):
        load_analysis("nowhere/analysis.toml")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"name = ", b"[" * 100_000, b"a" * 2_000_000])
def test_damaged_files_are_explained(content, tmp_path):
    path = tmp_path / "analysis.toml"
    path.write_bytes(content)
    with pytest.raises(AnalysisFileError):
        load_analysis(str(path))


@given(text=st.text(max_size=200))
def test_any_text_loads_or_is_explained(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("toml") / "analysis.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BidsmlError):
        load_analysis(str(path))


def test_digests_ignore_formatting_and_order(analysis):
    first = load_analysis(analysis())
    second = load_analysis(analysis("# a comment\n" + MINIMAL.replace("\n[[", "\n\n[[")))
    assert spec_digest(first) == spec_digest(second)


def test_features_digest_ignores_what_the_group_level_decides(analysis):
    first = load_analysis(analysis())
    learned = load_analysis(analysis(), overrides=["inference.permutations=3", "cv.outer.folds=3"])
    denoised = load_analysis(analysis(), overrides=["denoise.strategy=24p"])
    assert features_digest(first) == features_digest(learned) != features_digest(denoised)
    assert spec_digest(first) != spec_digest(learned)


def test_schema_describes_every_section():
    from bidsml.spec import analysis_schema

    schema = analysis_schema()
    assert set(schema["properties"]) == set(AnalysisSpec.model_fields)
    assert schema["additionalProperties"] is False


def test_block_names_must_stay_apart_in_file_names():
    with pytest.raises(AnalysisFileError, match="differ in case or hyphens only"):
        load_analysis("demo", overrides=['features=[{kind = "table", name = "a-b"}, {kind = "table", name = "AB"}]'])
