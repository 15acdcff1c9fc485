"""Sections on images that were preprocessed here."""

from dataclasses import replace

import numpy as np
import pytest

from bidsml.records import ParticipantResult
from bidsml.report.blocks import Bullets, Comparison, Facts, Figure
from bidsml.report.participant import alignment, anatomy, runs


def only(section, kind):
    (block,) = (block for block in section.blocks if isinstance(block, kind))
    return block


def test_a_plausible_brain_is_said_to_be_so(raw_participant: ParticipantResult) -> None:
    figure = only(anatomy.section(raw_participant), Figure)
    assert "1400 ml (gray matter 650 ml, white matter 480 ml), which is plausible" in figure.alt
    assert figure.table.rows[0] == ("brain", "1400")
    assert figure.svg.count("<path d=") == 6, "three outlines and their three marks"


@pytest.mark.parametrize(("ml", "words"), [(2100.0, "outside the 900 to 1800 ml"), (float("nan"), "not measured")])
def test_an_implausible_brain_is_said_to_be_so(raw_participant: ParticipantResult, ml: float, words: str) -> None:
    view = replace(raw_participant.anatomy[0], volumes_ml={"brain": ml}, warnings=("the mask is odd",))
    made = anatomy.section(replace(raw_participant, anatomy=(view,)))
    assert words in only(made, Figure).alt
    assert only(made, Bullets).items == ("the mask is odd",)


def test_without_tissues_only_the_brain_is_outlined(raw_participant: ParticipantResult) -> None:
    view = raw_participant.anatomy[0]
    none = np.zeros_like(view.brain)
    figure = only(
        anatomy.section(
            replace(raw_participant, anatomy=(replace(view, gray_matter=none, white_matter=none, volumes_ml={}),))
        ),
        Figure,
    )
    assert "grey matter" not in figure.alt and figure.svg.count("<path d=") == 2


def test_alignment_names_both_images(raw_participant: ParticipantResult) -> None:
    made = alignment.section(raw_participant)
    block = only(made, Comparison)
    assert (block.upper_name, block.lower_name) == ("BOLD reference", "T1w")
    assert "BOLD reference over T1w" in block.alt and "Mutual information 1.20" in block.alt
    assert block.upper != block.lower
    assert only(made, Bullets).items == ("note",)


def test_a_run_s_largest_movements_are_found(raw_participant: ParticipantResult) -> None:
    motion = np.zeros((40, 6))
    motion[20:, 1], motion[30:, 5] = -3.0, np.deg2rad(2)
    run = replace(raw_participant.functional[0], motion=motion)
    made = runs.section(replace(raw_participant, functional=(run,)))
    position = next(block for block in made.blocks if isinstance(block, Figure) and block.name == "position-1")
    assert "back–front, over 3.00 mm" in position.alt and "yaw, over 2.00°" in position.alt
    assert position.table.rows[1] == ("back–front, mm", "−3.00", "0")


def test_what_is_common_to_the_brain_is_counted(raw_participant: ParticipantResult) -> None:
    rng = np.random.default_rng(0)
    shared, own = rng.normal(size=40), rng.normal(size=(30, 40))
    for carpet, low, high in ((np.tile(shared, (30, 1)), 99, 100), (own, 0, 15)):
        run = replace(raw_participant.functional[0], carpet=carpet.astype(np.float32), n_dummy=0)
        made = runs.section(replace(raw_participant, functional=(run,)))
        figure = next(block for block in made.blocks if isinstance(block, Figure) and block.name == "carpet-1")
        share = float(figure.alt.split("volumes. ")[1].split(" %")[0])
        assert low <= share <= high


def test_a_run_without_t1w_or_carpet_says_so(raw_participant: ParticipantResult) -> None:
    run = replace(
        raw_participant.functional[0], target="template", slice_timing=False, carpet=np.empty((0, 0), np.float32)
    )
    made = runs.section(replace(raw_participant, functional=(run,)))
    facts = dict(only(made, Facts).pairs)
    assert "for want of a T1w" in facts["Registered to"] and facts["Slice timing"] == "not corrected"
    assert [block.name for block in made.blocks if isinstance(block, Figure)] == ["position-1"]
