"""What a result shows of its goal, people and data."""

from bidsml.records import Result
from bidsml.report.checklist.fact import Fact, say_blocks, say_estimators, say_span
from bidsml.report.lookup import folds_of, lost_on_the_way, name_target, read_spec, say_counts, set_aside
from bidsml.report.wording import listing, plural


def goal(result: Result) -> Fact:
    """Say what the analysis does."""
    validation = "and judges it by cross-validation of the same people; no other data take part"
    return Fact(f"Develops a model that predicts {name_target(result)} {validation}", "design")


def method(result: Result) -> Fact:
    """Say what kind of method it is."""
    return Fact(f"Machine learning: {say_estimators(result)} on {say_blocks(result)}", "methods")


def sites(result: Result) -> Fact:
    """Count the sites that the analysis names."""
    names = sorted(set(result.cohort.site))
    return Fact(f"{plural(len(names), 'site')} in the data" if names else "", "cohort" if names else "")


def eligibility(result: Result) -> Fact:
    """Say whom the analysis took of those in the dataset."""
    include = read_spec(result).cohort.include
    condition = f"analysed under the condition: {include}" if include else "no further condition in the analysis"
    return Fact(f"Of those in the dataset: {condition}; who left and why stands in the flow", "flow")


def preprocessing(result: Result) -> Fact:
    """Say that all data were treated alike."""
    return Fact("One pipeline with the same settings and quality limits for everyone, as the methods tell", "methods")


def subsets(result: Result) -> Fact:
    """Say which parts of the data were used."""
    spec = read_spec(result)
    scans = [f"task {spec.input.task}"] if spec.input.task else []
    scans += [f"space {spec.input.space}"] if spec.input.space else []
    which = listing(scans) if scans else "all that match the analysis"
    return Fact(f"Scans: {which}. From them: {say_blocks(result)}", "methods")


def outcome(result: Result) -> Fact:
    """Say which column is predicted."""
    cohort = result.cohort
    kind = f"with the classes {listing(cohort.classes)}" if cohort.classes else "a number"
    return Fact(f"Taken from the column {name_target(result)}, {kind}", "cohort")


def test_labels(result: Result) -> Fact:
    """Say where the labels of the tested come from."""
    return Fact("Everyone is tested once a repeat, with the same label as in training", "design")


def sample_size(result: Result) -> Fact:
    """Count the people, and point to the learning curve."""
    curve = " The learning curve shows what more people would bring" if result.learning_curves else ""
    return Fact(f"{say_counts(result)}.{curve}", "learning-curve" if curve else "cohort")


def missing_data(result: Result) -> Fact:
    """Say what became of gaps and of people without data."""
    limit = 100 * read_spec(result).cv.max_missing
    return Fact(
        f"Features missing in more than {limit:g} % of the training people are dropped in that fold, other gaps filled "
        f"with the training median. {_people_left_out(result)}",
        "methods",
    )


def _people_left_out(result: Result) -> str:
    lost = len(lost_on_the_way(result))
    return (
        f"{plural(lost, 'person', 'people')} left on the way, with reasons in the flow"
        if lost
        else "Nobody left on the way"
    )


def flow(result: Result) -> Fact:
    """Count who was considered and analysed."""
    aside = len(set_aside(result))
    other = f", {aside} of them of classes that were not asked for" if aside else ""
    return Fact(f"{result.cohort.considered} considered{other}; analysed: {say_counts(result)}", "flow")


def characteristics(result: Result) -> Fact:
    """Point to the table of people."""
    return Fact(
        "A table by class and site. Folds are drawn from the same people, so that training and test parts differ by "
        "chance alone, but for sites that are left out",
        "cohort",
    )


def counts(result: Result) -> Fact:
    """Count the people of the folds."""
    folds = folds_of(result, result.headline.design)
    train, test = [len(fold.train) for fold in folds], [len(fold.test) for fold in folds]
    return Fact(f"{say_span(train)} people to train on and {say_span(test)} to test, by fold and class", "design")


def comparison(result: Result) -> Fact:
    """Say that there is no second dataset."""
    return Fact("", excuse="no other dataset takes part: development and evaluation use the same people")
