"""Steps of the input's own history that saw everyone, and so the test people too."""

import re
from collections.abc import Iterator

from bidsml.learn.leakage.material import Material, listing, not_checked, passed, warned
from bidsml.records import LeakageCheck

_GAP = r"[-_ ]?"
_PEOPLE = (
    "(?:all|the|whole|every|entire|of|our|[ -])*(?:subjects?|participants?|people|sample|cohort|dataset|sites|scanners)"
)
# "combat" alone is no sign: cohorts of veterans have combat scales. Tools' names are.
_SIGNS: dict[str, re.Pattern[str]] = {
    "group ICA": re.compile(
        rf"group{_GAP}(?:level{_GAP}|spatial{_GAP}|wise{_GAP})*(?:ica|independent component)|gig{_GAP}ica|canica|"
        rf"temporal concatenation|(?-i:\bGIFT\b)|melodic{_GAP}group",
        re.IGNORECASE,
    ),
    "dual regression": re.compile(rf"dual{_GAP}(?:spatial{_GAP})?regress|\bdr_stage[123]", re.IGNORECASE),
    "a group mask": re.compile(
        rf"group{_GAP}(?:level{_GAP}|average{_GAP}|brain{_GAP}|wise{_GAP}|intersection{_GAP})*mask|"
        rf"mask of {_PEOPLE}|intersection of (?:all |the )*masks",
        re.IGNORECASE,
    ),
    "a template of these people": re.compile(
        rf"group{_GAP}(?:average{_GAP})?template|study{_GAP}(?:specific{_GAP}|wise{_GAP})?template|\bdartel\b|"
        rf"antsMultivariateTemplateConstruction|buildtemplateparallel|hyperalign|shared response model",
        re.IGNORECASE,
    ),
    "harmonisation": re.compile(
        rf"(?-i:\bComBat\b)|neuro{_GAP}(?:combat|harmonize)|long{_GAP}?combat|covbat|desc-\w*combat|"
        rf"combat{_GAP}(?:harmoni[sz]|gam|batch|correct|adjust)|harmoni[sz]ed (?:across|over|between) {_PEOPLE}",
        re.IGNORECASE,
    ),
    "scaling or regression over people": re.compile(
        rf"(?:standardi[sz]ed|z{_GAP}scored?|normali[sz]ed|residuali[sz]ed|regressed out|demeaned) "
        rf"(?:across|over|within) {_PEOPLE}",
        re.IGNORECASE,
    ),
}
_DENIED = re.compile(r"\b(?:no|not|without|never|instead of|rather than|neither|nor)\b[^.;:]{0,30}$", re.IGNORECASE)
_AROUND = 40


def check_whole_data_steps(material: Material) -> LeakageCheck:
    """Look for words of steps that are fitted to everyone: group ICA, dual regression, masks, templates, ComBat."""
    if not material.history:
        return not_checked(
            "whole-data-steps", "Nothing is known of how the input was made: it has no description or sidecar to read."
        )
    found = [
        f"{what} ({place}: “{quote}”)"
        for place, text in sorted(material.history.items())
        for what, quote in _signs(text)
    ]
    if found:
        return warned(
            "whole-data-steps",
            f"The input's own files tell of steps that saw everyone, test people too: {listing(found)}.",
            advice="make the features again from each person's own data, or fit the step within the folds",
        )
    n = len(material.history)
    return passed(
        "whole-data-steps",
        f"{n} {'text' if n == 1 else 'texts'} of the input's files ({listing(sorted(material.history), limit=3)}) "
        "name no group mask, group ICA, dual regression, group template or harmonisation. What they do not tell "
        "stays unknown.",
    )


def _signs(text: str) -> Iterator[tuple[str, str]]:
    """Each kind of step that a text tells of, with the words around its first sign that is not denied."""
    for what, pattern in _SIGNS.items():
        for match in pattern.finditer(text):
            if not _DENIED.search(text[max(0, match.start() - _AROUND) : match.start()].rpartition("\n")[2]):
                yield what, _quote(text, match)
                break


def _quote(text: str, match: re.Match[str]) -> str:
    """Words around a match, of its own line only."""
    before = text[max(0, match.start() - _AROUND) : match.start()].rpartition("\n")[2]
    after = text[match.end() : match.end() + _AROUND].partition("\n")[0]
    return " ".join((before + match[0] + after).split())
