"""Cards of models that somebody made up, digests and all: applied or refused; nothing of them runs in a page."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bidsml.bids.modelfiles import _digest

EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)>'
ROW = {
    "estimator": EVIL,
    "model": EVIL,
    "design": EVIL,
    "metric": "roc_auc",
    "estimate": 0.9,
    "interval": EVIL,
    "n": 8,
    "p_method": EVIL,
}
DEEP: Any = 1
for _ in range(200):
    DEEP = [DEEP]
# Whoever makes a card can say that it was trained on nobody whom one knows.
NOBODY = {"people": {"counts": {"patient": 4, "control": 4}, "salt": "", "in_dataset": [], "labels": [], "vectors": []}}


class Handlers(HTMLParser):
    """Finds attributes that would run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]


@pytest.fixture
def model(study, tmp_path) -> Path:
    return shutil.copytree(study.group / "model", tmp_path / "model")


def change(model: Path, **keys: Any) -> None:
    content = json.loads((model / "model.json").read_text()) | NOBODY | keys
    (model / "model.json").write_text(json.dumps(content | {"digest": _digest(content)}))


SAID = {
    "nothing else": {},
    "evil words": {
        "analysis": EVIL, "target": EVIL, "positive": EVIL, "classes": ["control", EVIL], "version": EVIL,
        "packages": {EVIL: EVIL}, "parameters": {EVIL: EVIL}, "performance": ROW,
    },
    "half a performance": {"performance": {"metric": "roc_auc", "estimate": 0.9}},
    "performance of odd kinds": {"performance": {"metric": "roc_auc", "estimate": "x", "low": None, "n": [DEEP]}},
    "performance of another metric": {"performance": ROW | {"metric": "__class__", "estimate": 1e30, "low": -1e30}},
    "performance without bounds": {"performance": ROW | {"estimate": 1e308, "low": -1e308}},
    "no class": {"classes": []},
    "many classes": {"classes": [f"c{n}" for n in range(50)]},
    "one class twice": {"classes": ["patient", "patient"]},
    "another positive": {"positive": "nobody"},
    "another task": {"task": "regression", "classes": [], "positive": ""},
    "names that repeat": {"names": ["x"]},
    "a column elsewhere": {
        "nuisance": [{"name": "x", "source": "../../outside.tsv:x", "level": "", "levels": []}]
    },
    "an absolute column": {"nuisance": [{"name": "x", "source": "/etc/passwd:x", "level": "", "levels": []}]},
    "an estimator of no kind": {"estimator": "../../x"},
    "another estimator": {"estimator": "forest"},
    "normative": {"normative": {"columns": [], "sites": ["x"], "unseen_site": "no such", "reference": EVIL}},
    "counts of people": {"people": NOBODY["people"] | {"counts": {EVIL: -(10**400)}}},
    "odd features": {"features": {"input": DEEP, EVIL: None}, "features_digest": EVIL},
}  # fmt: skip
APPLIED = ("nothing else", "evil words", "performance of another metric", "counts of people")
QUICK = ("an absolute column",)


@pytest.mark.fault(36)
@pytest.mark.parametrize(
    "said", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SAID]
)
def test_a_card_that_was_made_up(study, model, said):
    change(model, **SAID[said])
    ran = study.run("group", "--apply", str(model))
    assert ran.code in (0, 65, 78), ran.text
    assert "Traceback" not in ran.text, ran.text
    assert not ran.code or "hint:" in ran.text
    assert "root:" not in ran.text
    for page in study.output.glob("*.html"):
        text = page.read_text()
        handlers = Handlers()
        handlers.feed(text)
        assert not handlers.found, page.name
        assert '<script>alert("x")' not in text, page.name
    assert (ran.code == 0) == (said in APPLIED), ran.text
