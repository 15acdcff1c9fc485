"""Sentences on normative scores for the methods text."""

from bidsml.records import NormativeCard
from bidsml.report.methods_text import Sentence
from bidsml.report.references import FRAZA, KIA, KOENKER, MARQUAND
from bidsml.report.wording import listing, name_column, name_columns, plural
from bidsml.spec import NormativeSpec


def name_norm(norm: NormativeCard) -> str:
    """Name a frozen norm: given what, of whom, with how many sites of its own."""
    given = [name_column(one) for one in dict.fromkeys(column.source for column in norm.columns)]
    if norm.sites:
        given.append(f"site ({plural(len(norm.sites), 'site')} known)")
    whose = f"of people with {norm.reference}" if norm.reference else "of everyone in training"
    return f"{whose}, given {listing(given)}" if given else whose


def say_normative(norm: NormativeSpec, *, has_sites: bool) -> list[Sentence]:
    """Say by what norm features were scored.

    Parameters
    ----------
    has_sites
        Whether the analysis names a site.
    """
    whose = f"the training participants with {norm.reference}" if norm.reference else "the training participants"
    given = f" given {name_columns(norm.columns)}" if norm.columns else ""
    sentences = [
        Sentence(
            f"Every feature was replaced by its deviation from the value expected of {whose}{given}, in predictive "
            "standard deviations that include the uncertainty of the norm (normative scores; Marquand et al., 2016).",
            (MARQUAND,),
        )
    ]
    if norm.columns:
        words = (
            f"Numeric covariates entered as cubic B-splines with {norm.knots} knots at quantiles (as in Fraza et al., "
            "2021), those with fewer than ten values and categories as straight lines."
        )
        sentences.append(Sentence(words, (FRAZA,)))
        if norm.spread == "auto":
            words = (
                "Where a score test showed that the variance of a feature depends on the covariates (p < 0.05; "
                "Koenker, 1981), the logarithm of the variance was modelled by them."
            )
            sentences.append(Sentence(words, (KOENKER,)))
    if has_sites and norm.site is not False:
        unseen = ""
        if norm.unseen_site == "pooled":
            unseen = "; people of other sites were scored with the variance between sites on top of their own"
        words = (
            "Every site had an offset and a variance of its own, shrunken as random effects (in the spirit of Kia et "
            f"al., 2020){unseen}."
        )
        sentences.append(Sentence(words, (KIA,)))
    return sentences
