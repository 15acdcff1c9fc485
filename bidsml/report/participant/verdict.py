"""Can this participant's data be used, and why."""

from bidsml.records import ParticipantResult
from bidsml.report.blocks import Bullets, Paragraph, Section, Tone

_BADGES: dict[str, tuple[str, Tone]] = {
    "pass": ("Pass: nothing stands against using these data", "good"),
    "review": ("Review: usable, but a person should look first", "caution"),
    "fail": ("Fail: not used in the analysis", "bad"),
}


def section(result: ParticipantResult) -> Section:
    """Say pass, review or fail, with every reason."""
    badge, tone = _BADGES[result.verdict]
    reasons = (
        Bullets(result.reasons, heading="Why")
        if result.reasons
        else Paragraph("Every automatic check was passed; automatic checks don't see everything.")
    )
    return Section(
        anchor="verdict",
        title="Verdict",
        lead="The automatic judgement of data quality; it says nothing about the person's diagnosis.",
        blocks=(reasons,),
        badge=badge,
        tone=tone,
    )
