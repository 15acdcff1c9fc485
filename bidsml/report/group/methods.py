"""What was done, as text for a paper."""

from bidsml.records import Result
from bidsml.report.blocks import Paragraph, Reference, References, Section
from bidsml.report.lookup import LEAVE_SITE_OUT, find_null, folds_of, name_primary, name_target, read_spec, say_counts
from bidsml.report.methods_text import describe_features, feature_references
from bidsml.report.references import COMBAT, COMBAT_BRAIN, HAUFE, NADEAU, NILEARN, PHIPSON, SKLEARN, SNOEK, WINKLER
from bidsml.report.wording import listing, plural
from bidsml.spec import NuisanceSpec


def section(result: Result) -> Section:
    """Write the methods of the group level from what ran, with sources."""
    return Section(
        anchor="methods",
        title="Methods",
        lead="What was done, made from the analysis that ran; the text may be copied into a paper.",
        blocks=(
            Paragraph(" ".join(_people(result) + _features(result))),
            Paragraph(" ".join(_models(result))),
            Paragraph(" ".join(_inference(result))),
            References(_references(result)),
        ),
    )


def _people(result: Result) -> list[str]:
    spec = read_spec(result)
    what = "Classes" if result.task == "classification" else "The outcome"
    sentences = [f"{what} came from the column {name_target(result)}; {say_counts(result)} were analysed."]
    if spec.cohort.include:
        sentences.append(f"The condition for inclusion was: {spec.cohort.include}.")
    return sentences


def _features(result: Result) -> list[str]:
    blocks = [(block.kind, block.measure, block.atlas) for block in result.blocks]
    total = sum(block.stop - block.start for block in result.blocks)
    return [*describe_features(blocks), f"This gave {plural(total, 'feature')} per person."]


def _models(result: Result) -> list[str]:
    spec = read_spec(result)
    main = result.cv[0].design
    folds = folds_of(result, main)
    repeats = len({fold.repeat for fold in folds})
    kinds = listing([estimator.kind.replace("_", " ") for estimator in spec.estimators])
    sentences = [
        f"Prediction used {kinds} (scikit-learn) in {main} cross-validation with "
        f"{plural(len(folds) // max(1, repeats), 'fold')}{f', repeated {repeats} times' if repeats > 1 else ''}.",
        f"Features missing in more than {100 * spec.cv.max_missing:g} % of the training participants were dropped, "
        "other gaps filled, and features scaled, all fitted on training participants only.",
        f"Hyper-parameters were chosen by inner folds of the training participants (at most {spec.cv.inner.folds}).",
    ]
    if spec.nuisance.harmonize == "combat":
        sentences.append(_say_combat(spec.nuisance))
    if spec.nuisance.regress:
        sentences.append(
            f"{listing(list(spec.nuisance.regress))} were regressed out of every feature, "
            "fitted on training participants (Snoek 2019)."
        )
    if spec.nuisance.baseline:
        sentences.append(
            f"A model of confounds alone ({listing(list(spec.nuisance.baseline))}) was judged on the same folds."
        )
    if main != LEAVE_SITE_OUT and folds_of(result, LEAVE_SITE_OUT):
        sentences.append("Beside this, every site was left out in turn.")
    return sentences


def _say_combat(nuisance: NuisanceSpec) -> str:
    kept = f", with the effect of {listing(list(nuisance.preserve))} kept" if nuisance.preserve else ""
    unseen = ""
    if nuisance.unseen_site == "pooled":
        unseen = "; those from a site without training participants got the pooled mean and variance"
    return (
        f"Features were harmonised over sites by ComBat{kept}, fitted on training participants only "
        f"(Johnson 2007, Fortin 2018){unseen}."
    )


def _inference(result: Result) -> list[str]:
    made_by = sorted({row.interval for row in result.performance if row.interval})
    sentences = [f"The primary metric was {name_primary(result)}."]
    if made_by:
        sentences.append(f"95 % intervals: {listing(made_by)}.")
    null = find_null(result)
    if null is not None:
        sentences.append(
            f"Chance was judged by {len(null.null)} permutations ({null.scheme}); the whole pipeline was fitted again "
            f"in every draw ({result.provenance.engine} engine, seed {null.seed}), with "
            "p = (1 + draws at least as high) / (1 + draws)."
        )
    if len({other.estimator for other in result.nulls}) > 1:
        sentences.append("Over estimators, p was corrected by the maximum statistic of the same draws.")
    if result.weights:
        sentences.append("Weights of linear models are shown as forward patterns (Haufe 2014).")
    return sentences


def _references(result: Result) -> tuple[Reference, ...]:
    blocks = [(block.kind, block.measure, block.atlas) for block in result.blocks]
    sources = [*feature_references((), blocks), NILEARN, SKLEARN]
    sources += [Reference(f"{atlas.name}: {atlas.reference}") for atlas in result.atlases if atlas.reference]
    spec = read_spec(result)
    sources += [COMBAT, COMBAT_BRAIN] if spec.nuisance.harmonize == "combat" else []
    sources += [SNOEK] if spec.nuisance.regress else []
    sources += [NADEAU] if any("nadeau" in row.interval.lower() for row in result.performance) else []
    sources += [PHIPSON, WINKLER] if result.nulls else []
    sources += [HAUFE] if result.weights else []
    return tuple(dict.fromkeys(sources))
