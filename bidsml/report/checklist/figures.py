"""What a result shows of its performance."""

from bidsml.records import Result
from bidsml.report.checklist.fact import Fact
from bidsml.report.evidence import list_caveats
from bidsml.report.lookup import LEAVE_SITE_OUT, find_null, find_row, folds_of, name_primary, read_spec
from bidsml.report.wording import estimate, interval, listing, name_column, name_metric, p_value, start_sentence


def measures(result: Result) -> Fact:
    """List the metrics."""
    names = list(dict.fromkeys(name_metric(row.metric) for row in result.performance))
    return Fact(
        f"Primary: {name_primary(result)}. All: {listing(names, limit=20)}. Models are compared by paired differences "
        "on the same folds",
        "performance",
    )


def uncertainty(result: Result) -> Fact:
    """Name intervals and test."""
    null = find_null(result)
    tested = f"a permutation test with {len(null.null)} draws" if null else "no permutation test"
    ways = sorted({row.interval for row in result.performance if row.interval})
    return Fact(f"95 % intervals ({listing(ways)}); {tested}", "null" if null else "performance")


def performance(result: Result) -> Fact:
    """Give the headline."""
    row = result.headline
    null = find_null(result)
    chance = f"; {p_value(null.p, floor=null.p_floor, draws=len(null.null))}" if null else ""
    also = "; by subgroup" if _compared(result) else "; no subgroup was asked for"
    return Fact(
        f"{name_primary(result)} {estimate(row.estimate)} ({interval(row.low, row.high)}){chance}{also}", "performance"
    )


def diagnostic(result: Result) -> Fact:
    """Give sensitivity and specificity."""
    if len(result.cohort.classes) != 2:
        return Fact("", excuse="the outcome is not one of two classes")
    rows = [find_row(result, "biomarker", metric=metric) for metric in ("sensitivity", "specificity")]
    said = [f"{row.metric} {estimate(row.estimate)} ({interval(row.low, row.high)})" for row in rows if row]
    return Fact(listing(said) if said else "", "performance" if said else "")


def confusion(result: Result) -> Fact:
    """Point to the counts of right and wrong."""
    return Fact("Counts of right and wrong by class", "utility") if result.utility else Fact()


def clusters(result: Result) -> Fact:
    """Say how sites were handled."""
    if not result.cohort.site:
        return Fact(lack="The analysis names no column of sites (cohort.site).")
    harmonised = "; harmonised by ComBat in training" if read_spec(result).nuisance.harmonize == "combat" else ""
    left_out = "; every site left out in turn" if folds_of(result, LEAVE_SITE_OUT) else ""
    return Fact(f"Site is named{harmonised}{left_out}", "design")


def cluster_performance(result: Result) -> Fact:
    """Give the performance on sites left out."""
    row = find_row(result, "biomarker", design=LEAVE_SITE_OUT)
    if row is None:
        return Fact("", excuse="not examined: the analysis names no column of sites with two or more")
    return Fact(
        f"On sites left out: {name_primary(result)} {estimate(row.estimate)} ({interval(row.low, row.high)}), "
        "site by site",
        "performance",
    )


def _compared(result: Result) -> list[str]:
    """Name the columns by whose levels the headline is compared."""
    rows = [row for row in result.subgroups if row.design == result.headline.design]
    return list(dict.fromkeys(name_column(row.column) for row in rows))


def fairness(result: Result) -> Fact:
    """Say whether subgroups were compared."""
    columns = _compared(result)
    if not columns:
        return Fact("Nothing: the model was not constrained, and no subgroups were compared", "performance")
    return Fact(f"The model was not constrained; performance is compared by {listing(columns)}", "subgroups")


def development_and_evaluation(result: Result) -> Fact:
    """Say how training and test people differ."""
    how = "They differ by chance alone: both are parts of the same people; where a site is left out, by the site"
    return Fact(how, "design")


def robustness(result: Result) -> Fact:
    """List the checks that were run."""
    done = ["the confounds alone as a rival model"] * (find_row(result, "nuisance") is not None)
    done += ["sites left out in turn"] * bool(folds_of(result, LEAVE_SITE_OUT))
    done += ["subgroups"] * bool(_compared(result))
    done += ["smaller samples"] * bool(result.learning_curves)
    return Fact(start_sentence(listing(done)) if done else "", "performance" if done else "")


def interpretability(result: Result) -> Fact:
    """Say how the model was made readable."""
    if not result.weights:
        return Fact("Nothing was computed: no model of the analysis is linear", "methods")
    tested = any(null.patterns for null in result.nulls)
    how = "tested by the same permutations, corrected over all" if tested else "not tested"
    return Fact(f"Forward patterns of the linear model (Haufe et al., 2014), {how}", "weights")


def internal(result: Result) -> Fact:
    """Give the internal evaluation."""
    return Fact(f"By {result.headline.design} cross-validation: {performance(result).text}", "performance")


def external(result: Result) -> Fact:
    """Say that there was no external test."""
    return Fact("Not done here; “bidsml … group --apply MODEL_DIR” tests the frozen model on another dataset", "answer")


def verdict(result: Result) -> Fact:
    """Point to the answer box."""
    return Fact("What the figures allow to be said stands in the answer box", "answer")


def limits(result: Result) -> Fact:
    """List the caveats of the answer box."""
    return Fact(f"Seen by bidsml: {' '.join(list_caveats(result))}", "answer")
