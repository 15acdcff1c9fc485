"""Misspelt options, keys and names: each is refused with the nearest one that exists."""

import argparse

import pytest
from place import run_bidsml

from bidsml.arguments import build_parser
from bidsml.spec import AnalysisSpec


def _flags() -> list[str]:
    actions: list[argparse.Action] = build_parser()._actions
    return sorted({flag for action in actions for flag in action.option_strings if flag.startswith("--")})


def misspell(word: str) -> str:
    """Two neighbouring letters swapped in the middle of a word; where they are alike, one left out."""
    middle = len(word) // 2
    swapped = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
    return swapped if swapped != word else word[:middle] + word[middle + 1 :]


@pytest.mark.fault(42)
def test_every_option_misspelt(tmp_path):
    """Every option of the parser, as it is now."""
    for flag in _flags():
        wrong = misspell(flag)
        ran = run_bidsml(str(tmp_path / "in"), str(tmp_path / "out"), "participant", wrong, "1")
        assert ran.code == 64, (wrong, ran.text)
        assert wrong in ran.text and flag in ran.text, ran.text
        assert "Traceback" not in ran.text
    assert not list(tmp_path.iterdir())


def _keys(model: type, prefix: str = "") -> list[str]:
    """Every key of the analysis file, in dots."""
    found = []
    for name, entry in model.model_fields.items():
        found.append(prefix + name)
        if isinstance(entry.annotation, type) and hasattr(entry.annotation, "model_fields"):
            found += _keys(entry.annotation, f"{prefix}{name}.")
    return found


KEYS = _keys(AnalysisSpec)


@pytest.mark.fault(42)
def test_every_key_misspelt(tmp_path):
    """Every key of an analysis file, in the file itself: the message names file, line and the nearest key."""
    assert {"target.column", "cv.outer.folds", "denoise.strategy", "nuisance.regress"} <= set(KEYS)
    (tmp_path / "dataset").mkdir()
    base = 'name = "demo"\n[target]\ncolumn = "diagnosis"\npositive = "patient"\n[[features]]\nkind = "phenotype"\n'
    base += '[[estimators]]\nkind = "ridge"\n'
    for number, key in enumerate(KEYS):
        section, _, name = key.rpartition(".")
        wrong = misspell(name) if len(name) > 3 else f"{name}x"
        path = tmp_path / f"analysis{number}.toml"
        entry = f"{wrong} = 1\n"
        if not section:
            text = entry + base
        elif section == "target":
            text = base.replace("[target]\n", f"[target]\n{entry}")
        else:
            text = f"{base}[{section}]\n{entry}"
        path.write_text(text)
        line = text[: text.index(entry)].count("\n") + 1
        words = (str(tmp_path / "dataset"), str(tmp_path / "out"), "participant", "--analysis", str(path))
        ran = run_bidsml(*words)
        assert ran.code == 78, (key, ran.text)
        assert f"{path}:{line}" in ran.text, (key, ran.text)
        assert repr(name) in ran.text, (key, ran.text)
        assert "Traceback" not in ran.text
    assert not (tmp_path / "out").exists()


@pytest.mark.fault(42)
@pytest.mark.parametrize(
    ("entry", "near"),
    [
        ("estimators.0.kind=rigde", "'ridge'"),
        ("estimators.0.girid={}", "'grid'"),
        ("denoise.strategy=36q", "'36p'"),
        ('nuisance.columns=["agee"]', "'age'"),
        ("features.0.kind=conectome", "'connectome'"),
        ("features.0.mesure=tangent", "'measure'"),
        ("features.0.measure=tangant", "'tangent'"),
        ("inference.permutation=3", "'permutations'"),
        ("inference.primary_metric=roc_acu", "'roc_auc'"),
        ("target.column=diagnosys", "'diagnosis'"),
        ("target.positive=pateint", "'patient'"),
        ("cv.outer.kind=stratifeid", "'stratified'"),
        ("cohort.site=sit", "'site'"),
        ("cohort.include=agee > 3", "'age'"),
    ],
)
def test_names_misspelt(study, suffers, entry, near):
    level = "group" if entry.startswith("target.positive") else "participant"
    suffers(study, level, "--set", entry, "--dry-run", code=78, says=(near,))


@pytest.mark.fault(42)
@pytest.mark.parametrize(
    ("words", "code", "near"),
    [
        (("in", "out", "partcipant"), 17, "'participant'"),
        (("in", "out", "participant", "--participant_lable", "1"), 64, "'--participant-label'"),
        (("in", "out", "group", "--analysis", "brain-agee"), 78, "'brain-age'"),
    ],
)
def test_words_misspelt(words, code, near):
    ran = run_bidsml(*words)
    assert ran.code == code, ran.text
    assert near in ran.text, ran.text
