"""Text from labels, columns, atlases and files that looks like HTML stays text, in the bytes and in a browser."""

from dataclasses import replace
from pathlib import Path

import lxml.html
import pytest

from bidsml import report
from bidsml.records import ParticipantResult, Result

EVIL = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>\"'><svg onload=window.hacked=3>"


@pytest.fixture
def try_out(tmp_path, request):
    """Open a page, press whatever can be pressed, and tell what was run or refused."""

    def run(html: str) -> None:
        (tmp_path / "page.html").write_text(html, encoding="utf-8")
        # Only now, so that the bytes are looked at where there is no browser.
        visit = request.getfixturevalue("open_page")(tmp_path / "page.html")
        visit.unfold()
        for control in visit.page.locator("main button:visible").all():
            control.press("Enter")
        for control in visit.page.locator("main select:visible").all():
            control.select_option(index=1)
        visit.page.wait_for_timeout(50)
        assert visit.page.evaluate("window.hacked") is None
        assert visit.complaints == []

    return run


@pytest.mark.parametrize(
    "kind", ["binary", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("three_classes", "regression"))]
)
def test_a_script_in_any_text_of_a_group_result_is_only_text(kind: str, request, try_out) -> None:
    html = report.render_group(_poison_group(request.getfixturevalue(kind))).html
    _assert_harmless(html)
    for where in ("analysis", "site", "atlas", "node", "gate", "reason", "warning", "package"):
        assert f"{where}&lt;script&gt;" in html, where
    try_out(html)


def test_a_script_in_any_text_of_a_raw_participant_s_pictures_is_only_text(raw_participant, try_out) -> None:
    (anatomy,), (alignment,), (run,) = raw_participant.anatomy, raw_participant.alignment, raw_participant.functional
    html = report.render_participant(
        replace(
            raw_participant,
            anatomy=(replace(anatomy, label="anatomy" + EVIL, warnings=(EVIL,), volumes_ml={"volume" + EVIL: 1.0}),),
            alignment=(
                replace(alignment, label="alignment" + EVIL, moving_name="moving" + EVIL, fixed_name="fixed" + EVIL),
            ),
            functional=(replace(run, label="run" + EVIL, warnings=("warning" + EVIL,)),),
        )
    ).html
    _assert_harmless(html)
    for where in ("anatomy", "volume", "alignment", "moving", "fixed", "run", "warning"):
        assert f"{where}&lt;script&gt;" in html, where
    try_out(html)


def test_a_script_in_any_text_of_a_participant_result_is_only_text(simulate_participant, try_out) -> None:
    html = report.render_participant(_poison_participant(simulate_participant())).html
    _assert_harmless(html)
    for where in ("participant", "analysis", "reason", "node", "confound", "label"):
        assert f"{where}&lt;script&gt;" in html, where
    try_out(html)


def _assert_harmless(html: str) -> None:
    tree = lxml.html.fromstring(html)
    assert not [script for script in tree.xpath("//script[not(@type)]") if "hacked" in script.text]
    assert set(tree.xpath("//script/@*")) <= {"application/json"}
    assert not [a for element in tree.iter(lxml.html.etree.Element) for a in element.attrib if a.startswith("on")]


def _poison_group(result: Result) -> Result:
    cohort = result.cohort
    classes = tuple(name + EVIL for name in cohort.classes)
    site = tuple("site" + EVIL + name for name in cohort.site)
    table = cohort.table.assign(site=list(site), sex="level" + EVIL)
    attrition = tuple(replace(a, gate="gate" + EVIL, reason="reason" + EVIL, label=EVIL) for a in cohort.attrition)
    nodes = tuple("node" + EVIL + name for name in result.blocks[0].nodes)
    return replace(
        result,
        analysis="analysis" + EVIL,
        cohort=replace(
            cohort,
            table=table.rename(columns={"sex": "sex" + EVIL}),
            classes=classes,
            positive=classes[-1] if classes else "",
            site=site,
            nuisance_source=tuple(name + EVIL for name in cohort.nuisance_source),
            attrition=attrition,
        ),
        folds=tuple(replace(fold, name="site" + EVIL + fold.name) for fold in result.folds),
        nulls=tuple(replace(null, scheme="scheme" + EVIL) for null in result.nulls),
        blocks=tuple(replace(b, name="block" + EVIL, nodes=nodes, atlas="atlas" + EVIL) for b in result.blocks),
        weights=tuple(
            replace(w, names=tuple(n + EVIL for n in w.names), outputs=tuple(o + EVIL for o in w.outputs))
            for w in result.weights
        ),
        atlases=tuple(replace(atlas, name="atlas" + EVIL, reference=EVIL) for atlas in result.atlases),
        provenance=replace(result.provenance, packages={"package" + EVIL: EVIL}, command=(EVIL,)),
        warnings=("warning" + EVIL,),
    )


def _poison_participant(result: ParticipantResult) -> ParticipantResult:
    vector = result.features[0]
    return replace(
        result,
        participant_id="participant" + EVIL,
        analysis="analysis" + EVIL,
        reasons=("reason" + EVIL,),
        scans=tuple(
            replace(s, path=Path("file<script>"), entities={"task": EVIL}, derivative=EVIL) for s in result.scans
        ),
        qc=tuple(
            replace(q, label="label" + EVIL, confound_columns=("confound" + EVIL,), warnings=(EVIL,)) for q in result.qc
        ),
        features=(
            replace(
                vector,
                block="block" + EVIL,
                measure=EVIL,
                atlas=EVIL,
                nodes=tuple("node" + EVIL + name for name in vector.nodes),
                missing={"region" + EVIL: "why" + EVIL},
            ),
        ),
    )
