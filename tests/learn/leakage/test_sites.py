import re
from dataclasses import replace

import numpy as np
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import StandardScaler

from bidsml.learn.leakage.sites import _cross_validate, check_site_signature


def sign(material, by=1.0):
    """Shift every feature of the second site."""
    second = np.array(material.cohort.site) == material.cohort.site[0]
    return replace(material, values=material.values + by * second[:, None])


def tie(material):
    """Measure one class at each site."""
    site = tuple(f"s{int(code)}" for code in material.cohort.target)
    return replace(material, cohort=replace(material.cohort, site=site))


def test_a_signature_is_told_and_a_warning_only_where_the_label_goes_with_the_site(gather):
    plain = gather(n=120, p=50, n_sites=2)
    assert (check_site_signature(plain).status, check_site_signature(plain).severity) == ("passed", "none")
    signed = check_site_signature(sign(plain))
    assert (signed.status, signed.severity) == ("passed", "note")
    assert "100 % of 120" in signed.evidence and re.search(r"alone would be right for [45]\d %", signed.evidence)
    both = check_site_signature(sign(tie(plain)))
    assert both.status == "warned" and "tied" in both.evidence
    assert check_site_signature(tie(plain)).status == "passed"


def test_the_kernel_gives_scikit_learns_ridge_classifier(gather):
    material = sign(gather(n=90, p=30, n_sites=3, seed=5), by=0.4)
    z = StandardScaler().fit_transform(material.values)
    sites = np.unique(material.cohort.site, return_inverse=True)[1]
    folds = [fold for fold in material.default_folds if fold.repeat == 0]
    right = commonest = 0
    for fold in folds:
        train = z[fold.train] - z[fold.train].mean(axis=0)
        alpha = (train**2).sum() / len(train)
        model = RidgeClassifier(alpha=alpha).fit(z[fold.train], sites[fold.train])
        commonest += (sites[fold.test] == np.bincount(sites[fold.train]).argmax()).sum()
        right += (model.predict(z[fold.test]) == sites[fold.test]).sum()
    found, majority = _cross_validate(material.likeness.gram, sites, folds)
    # Single-precision products may turn a tie.
    assert abs(found * 90 - right) <= 1
    assert majority == commonest / 90


def test_one_site_and_left_out_sites_cannot_be_checked(gather):
    assert check_site_signature(gather()).status == "not checked"
    left_out = gather(n_sites=3, cv={"outer": {"kind": "leave-site-out"}})
    assert "leaves whole sites out" in check_site_signature(left_out).evidence
