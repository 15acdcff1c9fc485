"""A known bias field is taken out; the foreground is the head."""

import numpy as np
import pytest

from bidsml.preproc.anatomical.bias import correct_field, find_foreground, otsu_threshold
from bidsml.preproc.anatomical.images import to_ants
from bidsml.preproc.anatomical.session import ants_session


def test_a_known_field_is_taken_out(make_phantom, tmp_path):
    phantom = make_phantom()
    image = to_ants(phantom.t1w)
    x, y, _ = np.meshgrid(*[np.linspace(-1, 1, n) for n in image.shape], indexing="ij")
    biased = image.new_image_like((image.numpy() * np.exp(0.6 * x - 0.4 * y)).astype(np.float32))
    with ants_session(tmp_path):
        corrected = correct_field(biased, mask=phantom.brain).numpy()
    white = phantom.tissues[1] > 0
    before, after = (np.std(v[white]) / np.mean(v[white]) for v in (biased.numpy(), corrected))
    assert before > 0.12
    assert after < 0.05  # noise alone is 0.03
    assert corrected[phantom.brain].mean() == pytest.approx(biased.numpy()[phantom.brain].mean(), rel=1e-3)


def test_otsu_parts_two_classes_as_a_search_over_all_thresholds_does():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(10, 2, 4000), rng.normal(40, 5, 1000)])

    def within(threshold):
        low, high = values[values <= threshold], values[values > threshold]
        return len(low) * low.var() + len(high) * high.var()

    found = otsu_threshold(values)
    best = min(within(t) for t in np.linspace(15, 35, 200))
    assert within(found) == pytest.approx(best, rel=1e-3)


def test_the_foreground_is_the_largest_bright_object_without_holes():
    values = np.random.default_rng(0).random((40, 40, 40)).astype(np.float32)
    values[8:30, 8:30, 8:30] += 50
    values[15:20, 15:20, 15:20] = 0
    values[35:38, 35:38, 35:38] += 50
    found = find_foreground(values)
    assert found[17, 17, 17]
    assert not found[36, 36, 36]
    assert not find_foreground(np.zeros((5, 5, 5), dtype=np.float32)).any()
