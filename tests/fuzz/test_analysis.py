"""analysis.toml and study.toml altered at random, and ``--set`` with anything: loaded, or refused in words."""

import copy
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
import tomli_w
from fuzzing import fuzz, lawful, lawful_file
from garbage import INF, NAN, ODD_TEXTS, TEXTS, damaged_bytes, values
from hypothesis import example, given
from hypothesis import strategies as st

from bidsml.app.check import check_names
from bidsml.app.provenance import effective_toml
from bidsml.errors import BidsmlError
from bidsml.spec import AnalysisSpec, list_ready_made, load_analysis
from bidsml.spec.loading import ready_made_folder
from bidsml.spec.study import StudySpec, load_study, study_keys, study_template

READY_MADE = {name: (ready_made_folder() / name / "analysis.toml").read_bytes() for name in list_ready_made()}
CONTENTS = {name: tomllib.loads(content.decode()) for name, content in READY_MADE.items()}
# One with every section, so that every key is met.
CONTENTS["everything"] = CONTENTS["rest-connectome"] | {
    "task": {"contrasts": {"a-b": "a - b"}, "hrf": "spm", "single_trial": "lss"},
    "preprocess": {"space": "MNI152NLin2009cAsym", "dummy_volumes": "auto", "resolution_mm": 2.0},
    "input": {"derivative": "fmriprep", "tr_s": 2.0, "combine": "average"},
    "estimators": [{"kind": "ridge", "grid": {"alpha": [1.0, 10.0]}}, {"kind": "logistic", "class_weight": "balanced"}],
}

# One with the sections and kinds that exclude some of these.
CONTENTS["norms"] = {
    **{key: CONTENTS["rest-connectome"][key] for key in ("name", "target", "cv", "estimators", "inference")},
    "cohort": {"site": "site", "include": "age > 18"},
    "nuisance": {"columns": ["age"]},
    "normative": {"columns": ["age", "sex"], "site": True, "reference": "age > 20", "knots": 4, "spread": "constant"},
    "fusion": {"kind": "stacking", "scale_blocks": False, "ablation": True},
    "report": {"sections": []},
    "features": [
        {"kind": "questionnaire", "file": "phenotype/q.tsv", "subscales": {"a": ["q1", "q*"]}, "reverse": ["q1"]},
        {"kind": "text", "file": "phenotype/t.tsv", "columns": ["notes"], "ngram": 2, "n_components": 5},
        {
            "kind": "eeg_power",
            "bands": {"theta": [4.0, 8.0], "alpha": [8.0, 13.0]},
            "recording": {"epoch_s": 4.0, "notch_hz": 50.0},
        },
        {"kind": "freesurfer", "measure": "area", "parcellation": "dkt", "exclude": ["lh_*"]},
        {"kind": "image_quality", "suffix": "bold"},
        {"kind": "diffusion", "measure": "fa", "model": "tensor", "atlas": "power2011"},
    ],
}


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every key path of nested tables and arrays."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [found for key, value in inner for found in [(*path, key), *_places(value, (*path, key))]]


def _leaf(content: Any, place: tuple[Any, ...]) -> tuple[Any, Any]:
    for part in place[:-1]:
        content = content[part]
    return content, place[-1]


PLACES = sorted({tuple(p) for content in CONTENTS.values() for p in _places(content)}, key=str)


@st.composite
def changed_contents(draw: Callable[..., Any]) -> dict[str, Any]:
    """A valid analysis with keys dropped, renamed, moved, or with other values."""
    content = copy.deepcopy(CONTENTS[draw(st.sampled_from(sorted(CONTENTS)))])
    for _ in range(draw(st.integers(1, 3))):
        places = _places(content)
        if not places:
            break
        node, key = _leaf(content, draw(st.sampled_from(places)))
        kind = draw(st.sampled_from(["drop", "rename", "value", "value", "nest", "wrap"]))
        if kind == "drop":
            del node[key]
        elif kind == "rename" and isinstance(node, dict):
            node[draw(TEXTS)] = node.pop(key)
        elif kind == "nest":
            node[key] = {str(key): node[key]}
        elif kind == "wrap":
            node[key] = [node[key]]
        else:
            node[key] = draw(values())
    return content


def _without_none(value: Any) -> Any:
    """TOML has no null."""
    if isinstance(value, dict):
        return {key: _without_none(inner) for key, inner in value.items() if inner is not None}
    return [_without_none(inner) for inner in value if inner is not None] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def write(place):
    def write_file(content: bytes, name: str = "analysis.toml"):
        path = place / name
        path.write_bytes(content)
        return path

    return write_file


def _load(path) -> AnalysisSpec:
    spec = load_analysis(str(path))
    assert isinstance(spec, AnalysisSpec)
    return spec


def _loads_to_itself(spec: Any, write: Any) -> None:
    """What was accepted is written down whole: it loads to the same, and its names can be checked."""
    if not isinstance(spec, AnalysisSpec):
        return
    lawful(lambda: check_names(spec))
    assert _load(write(effective_toml(spec).encode(), "effective.toml")) == spec


@pytest.fixture(scope="module", autouse=True)
def _warm():
    for name in READY_MADE:
        check_names(load_analysis(name))


@pytest.mark.parametrize("name", sorted(CONTENTS))
def test_the_unchanged_are_loaded(write, name):
    check_names(_load(write(tomli_w.dumps(CONTENTS[name]).encode())))


@fuzz(400)
@given(content=changed_contents())
def test_a_changed_analysis(write, content):
    try:
        text = tomli_w.dumps(_without_none(content))
    except (ValueError, TypeError, UnicodeError):
        return
    _loads_to_itself(lawful_file(_load, write(text.encode("utf-8", "replace"))), write)


@fuzz(300)
@example(content=b"name = " + b"9" * 5000)
@example(content=b"name = " + b"[" * 3000)
@example(content=b"name = " + b"[" * 300 + b"]" * 300)
@example(content=b".".join([b"a"] * 3000) + b" = 1")
@given(content=damaged_bytes(st.sampled_from(sorted(READY_MADE.values()))))
def test_damaged_bytes_of_an_analysis(write, content):
    _loads_to_itself(lawful_file(_load, write(content)), write)


def _toml(value: Any) -> str:
    try:
        return tomli_w.dumps({"v": value}).partition("=")[2].strip()
    except (ValueError, TypeError, UnicodeError):
        return str(value)


# Raw words after the equals sign: TOML of any kind, or no TOML at all.
RAW = st.one_of(
    values().map(_toml),
    ODD_TEXTS,
    TEXTS,
    st.sampled_from(["nan", "inf", "-inf", "1e400", "9" * 5000, "0x" + "f" * 400, "1979-05-27", "07:32:00", "[[",
                     "[" * 3000, "[" * 300 + "]" * 300, "{a=" * 200 + "1" + "}" * 200, "{a=1,a=2}"]),
    st.sampled_from(["1\n[x]\ny=1", "'''", '"\\ud800"', "\udcff", "2020-01-01T00:00:00+23:59"]),
)  # fmt: skip
KEYS = st.one_of(
    st.sampled_from(PLACES).map(lambda place: ".".join(map(str, place))),
    st.lists(st.sampled_from(["features", "0", "-1", "99", "²", "cv", "outer", "kind", "grid", "", "é"])).map(".".join),
    st.just(".".join("a" * 3000)),
    TEXTS,
)


@fuzz(500)
@example(entries=[("cohort.include", "9" * 5000)], base="rest-connectome")
@example(entries=[("cohort.include", "[" * 3000)], base="rest-connectome")
@example(entries=[("cohort.include", "[" * 300 + "]" * 300)], base="rest-connectome")
@example(entries=[("cohort.include", "\udcff")], base="rest-connectome")
@example(entries=[(".".join("a" * 3000), "1")], base="rest-connectome")
@given(entries=st.lists(st.tuples(KEYS, RAW), min_size=1, max_size=3), base=st.sampled_from(sorted(READY_MADE)))
def test_set_with_anything(write, entries, base):
    overrides = [f"{key}={raw}" for key, raw in entries]
    _loads_to_itself(lawful(lambda: load_analysis(base, overrides=overrides)), write)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_what_is_no_number_is_never_taken_for_left_out(write, value):
    error = lawful(lambda: load_analysis("rest-connectome", overrides=[f"input.tr_s={value}"]))
    assert isinstance(error, BidsmlError)
    assert "input.tr_s" in error.message


def _study(told: dict[str, Any]) -> bytes:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in told.items()).encode("utf-8", "replace")


@fuzz(150)
@example(content=b"title = " + b"9" * 5000)
@example(content=b"title = " + b"[" * 300 + b"]" * 300)
@example(content=b".".join([b"a"] * 3000) + b" = 1")
@given(
    content=damaged_bytes(st.just(study_template().encode()))
    | st.dictionaries(
        st.sampled_from([key for key, _ in study_keys()]) | TEXTS, TEXTS | values(), min_size=1, max_size=3
    ).map(_study)
)
def test_a_damaged_study(write, content):
    found = lawful_file(load_study, write(content, "study.toml"))
    assert isinstance(found, StudySpec | BidsmlError)
