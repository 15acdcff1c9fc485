import re

import numpy as np
import pytest
from scipy.stats import rankdata

from bidsml.learn.leakage.sample import check_sample_size


def reached(check):
    return float(re.search(r"of (\d\.\d\d) or more", check.evidence)[1])


@pytest.mark.parametrize(("n", "status"), [(38, "warned"), (40, "passed"), (60, "passed")])
@pytest.mark.parametrize("classes", [2, 0])
def test_too_few_people_are_a_caution(gather, n, status, classes):
    found = check_sample_size(gather(n=n, classes=classes))
    assert found.status == status
    assert found.severity == ("caution" if status == "warned" else "none")
    assert f"{n} people" in found.evidence


def test_the_figure_is_what_one_chance_draw_in_twenty_reaches(gather, rng):
    found = check_sample_size(gather(n=40, p=10))
    target = np.arange(40) % 2
    ranks = rankdata(rng.standard_normal((4000, 40)), axis=1)
    draws = (ranks[:, target == 1].sum(axis=1) - 20 * 21 / 2) / 20**2
    # The normal approximation and 4000 draws: both right to about 0.005.
    assert reached(found) == pytest.approx(np.quantile(draws, 0.95), abs=0.015)
    assert "0.25 features a person" in found.evidence


def test_a_correlation_of_an_outcome(gather, rng):
    draws = [np.corrcoef(rng.standard_normal((2, 60)))[0, 1] for _ in range(4000)]
    assert reached(check_sample_size(gather(classes=0))) == pytest.approx(np.quantile(draws, 0.95), abs=0.02)


def test_the_smallest_class_and_the_units_count(gather):
    assert reached(check_sample_size(gather(n=90, classes=3))) > reached(check_sample_size(gather(n=90)))
    many = gather(n=120, rows_per_unit=3)
    assert reached(check_sample_size(many)) == reached(check_sample_size(gather(n=40)))
