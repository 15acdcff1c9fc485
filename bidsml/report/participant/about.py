"""What made this page."""

from bidsml.records import ParticipantResult
from bidsml.report.blocks import Facts, Section


def section(result: ParticipantResult) -> Section:
    """List versions and the digest of the analysis."""
    made_by = result.provenance
    return Section(
        anchor="about",
        title="About",
        lead="What computed these numbers; the same versions and inputs give the same page, byte for byte.",
        blocks=(
            Facts(
                (
                    ("Analysis", result.analysis),
                    ("Digest of the analysis", made_by.spec_digest),
                    ("bidsml", made_by.version),
                    *((name, version) for name, version in sorted(made_by.packages.items())),
                )
            ),
        ),
    )
