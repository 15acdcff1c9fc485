"""A box for a person's own judgement of the data, beside the automatic verdict."""

from bidsml.records import ParticipantResult
from bidsml.report.blocks import Rating, Section
from bidsml.report.wording import hide_folders


def section(result: ParticipantResult) -> Section:
    """Ask the reader to pass, doubt or fail the data; the answer can be saved as JSON."""
    made_by = result.provenance
    return Section(
        anchor="rating",
        title="Rating",
        lead="What you think of these data after looking. It stays on your machine: this page sends nothing. A saved "
        "file says whom and which versions it is about; put it beside your other quality ratings.",
        blocks=(
            Rating(
                name=f"sub-{result.participant_id}_rating",
                record={
                    "participant_id": f"sub-{result.participant_id}",
                    "analysis": result.analysis,
                    "analysis_digest": made_by.spec_digest,
                    "automatic_verdict": result.verdict,
                    "automatic_reasons": [hide_folders(reason) for reason in result.reasons],
                    "bidsml_version": made_by.version,
                    "package_versions": dict(sorted(made_by.packages.items())),
                },
            ),
        ),
    )
