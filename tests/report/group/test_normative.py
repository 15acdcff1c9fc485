"""The section on normative scores says whether they can be relied on."""

from dataclasses import replace

import numpy as np
import pytest

from bidsml.records import Deviations, Result
from bidsml.report.blocks import Figure, Paragraph, Table
from bidsml.report.group.normative import section
from bidsml.report.normative_text import say_normative
from bidsml.spec import NormativeSpec


def with_scores(result: Result, *, width: float = 1.0, **norm: object) -> Result:
    """Scores of 40 features, as wide as said; plain residuals are off by one at every other site."""
    n = len(result.cohort.target)
    rng = np.random.default_rng(0)
    z = width * rng.standard_normal((n, 40))
    z[:, 7] = np.nan
    site = np.unique(np.array(result.cohort.site or ["one"] * n), return_inverse=True)[1]
    reference = result.cohort.target == 0 if result.cohort.classes else np.ones(n, dtype=bool)
    found = Deviations(
        design=result.headline.design,
        names=tuple(f"f{number}" for number in range(40)),
        z=z,
        raw=z + (site % 2)[:, None],
        reference=reference,
        unseen=np.arange(n) < 3,
    )
    spec = {**result.spec, "normative": NormativeSpec(**{"columns": ("age",), **norm}).model_dump(mode="json")}
    return replace(result, deviations=found, spec=spec)


def test_without_a_norm_there_is_no_section(binary: Result) -> None:
    assert section(binary) is None


def test_right_scores_are_shown_to_be_right(binary: Result) -> None:
    made = section(with_scores(binary, reference="diagnosis == 'control'"))
    assert made is not None
    assert "given age" in made.lead
    figure = next(block for block in made.blocks if isinstance(block, Figure))
    own = dict(zip(figure.table.columns[1:], figure.table.rows[0][1:], strict=False))
    assert float(str(own["Outside ±1.96"]).split()[0]) == pytest.approx(5, abs=3)
    assert float(str(own["SD of z"])) == pytest.approx(1, abs=0.1)
    assert "39 features" in figure.alt
    words = " ".join(block.text for block in made.blocks if isinstance(block, Paragraph))
    assert "No norm for 1 feature of 40" in words
    assert "diagnosis == 'control'" in words


def test_scores_that_are_too_wide_show_it(binary: Result) -> None:
    made = section(with_scores(binary, width=1.5))
    assert made is not None
    figure = next(block for block in made.blocks if isinstance(block, Figure))
    assert float(str(figure.table.rows[0][2]).split()[0]) > 12
    assert float(str(figure.table.rows[0][4])) > 1.3


def test_sites_tell_what_plain_regression_hides(regression: Result) -> None:
    made = section(with_scores(regression))
    assert made is not None
    table = next(block for block in made.blocks if isinstance(block, Table))
    ours, plain = ([float(str(row[column])) for row in table.rows] for column in (4, 5))
    assert max(ours) < 0.5
    assert max(plain) > 0.8


def test_the_methods_say_what_was_done() -> None:
    told = " ".join(one.text for one in say_normative(NormativeSpec(columns=("age",)), has_sites=True))
    assert "expected of the training participants given age" in told
    assert "variance between sites" in told
    plain = NormativeSpec(reference="age > 3", spread="constant", site=False)
    told = " ".join(one.text for one in say_normative(plain, has_sites=True))
    assert "participants with age > 3" in told
    assert "splines" not in told
    assert "site" not in told.replace("opposite", "")
