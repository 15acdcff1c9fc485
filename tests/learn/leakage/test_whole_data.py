import pytest

from bidsml.learn.leakage.whole_data import check_whole_data_steps


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("GeneratedBy.Description: Networks from group ICA (MELODIC), then dual regression", "group ICA"),
        ("Description: spatial maps by group-level ICA", "group ICA"),
        ("GeneratedBy.Name: GIFT", "group ICA"),
        ("sub-01/func/sub-01_task-rest_desc-dualregression_bold.nii.gz", "dual regression"),
        ("dr_stage2_subject00001.nii.gz", "dual regression"),
        ("Sources: bids::group_mask.nii.gz", "a group mask"),
        ("desc-groupbrain_mask.nii.gz", "a group mask"),
        ("Description: restricted to the mask of all participants", "a group mask"),
        ("Description: registered to a study-specific template", "a template of these people"),
        ("SpatialReference: DARTEL template", "a template of these people"),
        ("Description: values were harmonised across sites with neuroCombat", "harmonisation"),
        ("Harmonization: ComBat", "harmonisation"),
        ("sub-01_desc-combat_thickness.tsv", "harmonisation"),
        ("Description: z-scored across all subjects", "scaling or regression over people"),
        ("Description: age and sex were regressed out over the whole sample", "scaling or regression over people"),
    ],
)
def test_signs_are_found_and_their_place_is_named(gather, text, what):
    found = check_whole_data_steps(
        gather(history={"xcp: a.json": "Name: other", "xcp: b.json": f"Name: x\n{text}\nEnd"})
    )
    assert found.status == "warned"
    assert f"{what} (xcp: b.json: “" in found.evidence and "xcp: a.json" not in found.evidence
    assert "Name: x" not in found.evidence and found.advice


@pytest.mark.parametrize(
    "text",
    [
        "Name: fMRIPrep - fMRI PREProcessing workflow\nGeneratedBy.Name: fMRIPrep",
        "Description: combat exposure scale of veterans",
        "Description: a gift voucher was given; group: patients",
        "Description: ICA-AROMA was run on each participant alone",
        "Description: no group ICA was used, and data were not harmonised across sites",
        "Description: signals were z-scored over time, standardized within each run",
        "space-MNI152NLin2009cAsym_desc-brain_mask.nii.gz\nsub-01_label-GM_mask.nii.gz",
        "Description: template MNI152NLin6Asym",
    ],
)
def test_what_is_done_to_one_person_is_no_sign(gather, text):
    found = check_whole_data_steps(gather(history={"fmriprep: dataset_description.json": text}))
    assert found.status == "passed", found.evidence
    assert "1 text" in found.evidence


def test_a_denial_of_one_step_does_not_cover_another(gather):
    text = "Description: not smoothed; maps come from group ICA"
    assert check_whole_data_steps(gather(history={"a": text})).status == "warned"


def test_silence_is_not_innocence(gather):
    assert check_whole_data_steps(gather()).status == "not checked"
