"""Packages that extend bidsml: found without being imported, refused in words, followed by digest."""

import subprocess
import sys

import pytest
from packages import installed, write_package

from bidsml.app.provenance import plugin_versions
from bidsml.errors import AnalysisFileError, PluginError
from bidsml.extension import ESTIMATORS, FEATURES, GROUPS, find_plugins, source_files, used_plugins
from bidsml.features import CATALOG, check_feature
from bidsml.graph.sources import node_digest, source_digest
from bidsml.learn.estimators import CATALOG as ESTIMATOR_KINDS
from bidsml.report import MORE_GROUP, check_sections
from bidsml.spec import AnalysisSpec, FeatureSpec

KIND = """
from pydantic import BaseModel, Field
from bidsml.features import FeatureKind

class Settings(BaseModel, extra="forbid"):
    lag: int = Field(1, ge=1)

KIND = FeatureKind(name="{name}", needs=frozenset({{"signals"}}), measures=("m",), keys=frozenset({{"atlas"}}),
                   summary="s", units=("1",), function=print, settings=Settings)
"""
BROKEN = {FEATURES: {"fails": "lab_broken:KIND"}}
SPEC = {"name": "a", "target": {"column": "x"}, "features": ({"kind": "pace"},)}


@pytest.fixture
def lab(tmp_path):
    """A folder with one good kind and one that cannot be imported."""
    pace = KIND.format(name="pace")
    write_package(
        tmp_path, "lab-pace", version="2.1", entry_points={FEATURES: {"pace": "lab_pace:KIND"}}, lab_pace=pace
    )
    write_package(tmp_path, "lab-broken", entry_points=BROKEN, lab_broken="import there_is_no_such_module\n")
    with installed(tmp_path):
        yield tmp_path


def test_names_are_known_without_importing_anything(lab):
    assert "pace" in CATALOG and "fails" in CATALOG
    assert {"pace", "fails", "connectome"} <= set(CATALOG)
    assert len(CATALOG) == len(CATALOG.own) + 2
    assert "lab_pace" not in sys.modules


def test_a_kind_of_another_package_is_used_like_one_of_our_own(lab):
    assert CATALOG["pace"].summary == "s"
    assert "lab_broken" not in sys.modules
    check_feature(FeatureSpec(kind="pace", options={"lag": 2}), 0)


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"kind": "pace", "options": {"lag": 0}}, r"options\.lag.*found 0.*options it takes: lag"),
        ({"kind": "pace", "options": {"lagg": 1}}, r"options\.lagg"),
        ({"kind": "pace", "file": "x.tsv"}, "does not take 'file'"),
        ({"kind": "connectome", "options": {"lag": 1}}, "does not take 'options'"),
        ({"kind": "pase"}, "no feature kind 'pase'"),
    ],
)
def test_options_that_do_not_fit_are_refused(lab, block, words):
    with pytest.raises(AnalysisFileError, match=words):
        check_feature(FeatureSpec(**block), 0)


def test_a_package_that_cannot_be_imported_is_an_error_only_where_it_is_used(lab):
    assert CATALOG["connectome"].name == "connectome"
    with pytest.raises(PluginError, match=r"'fails' of the package lab-broken 1\.0.*there_is_no_such_module") as caught:
        CATALOG["fails"]
    assert "lab-broken" in caught.value.hint
    with pytest.raises(PluginError):
        check_feature(FeatureSpec(kind="fails"), 0)


@pytest.mark.parametrize(
    ("name", "others"), [("connectome", "bidsml and by lab-two"), ("pace", "lab-pace and by lab-two")]
)
def test_a_name_that_two_offer_is_an_error_that_names_both(lab, name, others):
    text = KIND.format(name=name)
    write_package(lab, "lab-two", entry_points={FEATURES: {name: "lab_two:KIND"}}, lab_two=text)
    with installed(lab), pytest.raises(PluginError, match=f"{name!r} is offered by {others}"):
        CATALOG[name]


@pytest.mark.parametrize(
    ("module", "point", "words"),
    [
        ("KIND = 3\n", "pace", "must give one FeatureKind; .* gives int"),
        (KIND.format(name="other"), "pace", "'pace' of lab-two .* named 'other'"),
        (KIND.format(name="my-pace"), "my-pace", "named 'my-pace'"),
        ("", "pace", "AttributeError"),
        ("raise RuntimeError('no licence')\n", "pace", "no licence"),
        ("import sys\nsys.exit(0)\n", "pace", "SystemExit: 0"),
        ("class KIND:\n    name = 'pace'\n", "pace", "gives type"),
        ("def __getattr__(name):\n    raise KeyError(name)\n", "pace", "KeyError"),
        ("x = (\n", "pace", "SyntaxError"),
    ],
)
def test_an_entry_point_that_gives_something_else_is_said(tmp_path, module, point, words):
    write_package(tmp_path, "lab-two", entry_points={FEATURES: {point: "lab_two:KIND"}}, lab_two=module)
    with installed(tmp_path), pytest.raises(PluginError, match=words):
        CATALOG[point]


def test_estimators_and_sections_come_the_same_way(tmp_path):
    points = {ESTIMATORS: {"stump": "lab_more:STUMP"}, "bidsml.group_sections": {"extra": "lab_more:section"}}
    code = "from bidsml.learn.estimators import EstimatorKind\nSTUMP = EstimatorKind(print, frozenset())\n"
    write_package(tmp_path, "lab-more", entry_points=points, lab_more=code + "def section(result): return None\n")
    with installed(tmp_path):
        assert ESTIMATOR_KINDS["stump"].tasks == frozenset()
        assert MORE_GROUP["extra"](None) is None
        check_sections(["extra"])
        with pytest.raises(AnalysisFileError, match="no installed package offers a section 'extr'") as caught:
            check_sections(["extr"])
        assert "'extra'" in caught.value.hint
    assert "stump" not in ESTIMATOR_KINDS


def test_an_analysis_names_the_packages_that_it_uses_and_no_other(lab):
    assert plugin_versions(AnalysisSpec.model_validate(SPEC)) == {"lab-pace": "2.1"}
    assert plugin_versions(AnalysisSpec.model_validate({**SPEC, "features": ({"kind": "connectome"},)})) == {}


def test_an_edit_of_the_package_changes_the_digest_of_the_steps_that_call_it(lab):
    module = "bidsml.steps.participant"
    (plugin,) = used_plugins({FEATURES: {"pace"}})
    before = node_digest(module, [plugin])
    assert node_digest(module, []) == source_digest(module) != before
    (lab / "lab_broken.py").write_text("# another package\n")
    with installed(lab):
        assert node_digest(module, used_plugins({FEATURES: {"pace"}})) == before
    (lab / "lab_pace.py").write_text(KIND.format(name="pace") + "# edited\n")
    with installed(lab):
        assert node_digest(module, used_plugins({FEATURES: {"pace"}})) != before


def test_the_digest_covers_the_whole_package_and_no_compiled_file(tmp_path):
    for name in (
        "lab/__init__.py",
        "lab/deep/__init__.py",
        "lab/deep/kind.py",
        "lab/norms.tsv",
        "lab/__pycache__/x.pyc",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "shared" / "mine").mkdir(parents=True)
    (tmp_path / "shared" / "mine" / "__init__.py").write_text("")
    (tmp_path / "shared" / "theirs.py").write_text("")
    with installed(tmp_path):
        found = [path.relative_to(tmp_path).as_posix() for _, path in source_files("lab.deep.kind")]
        assert found == ["lab/__init__.py", "lab/deep/__init__.py", "lab/deep/kind.py", "lab/norms.tsv"]
        (namespaced,) = source_files("shared.mine")
        assert namespaced[1] == tmp_path / "shared" / "mine" / "__init__.py"
        assert source_files("there_is_no_such_module") == []


def test_nothing_is_looked_for_until_an_analysis_is_read():
    code = "import sys, bidsml.cli; print(sorted({'bidsml.extension', 'bidsml.notebook', 'numpy'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == "[]"
    )


@pytest.mark.parametrize("group", GROUPS)
def test_bidsml_itself_declares_no_entry_point(group):
    assert all(plugin.package != "bidsml" for plugin in find_plugins(group))
