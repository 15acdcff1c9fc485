"""How the features were made, as text for a paper."""

from bidsml.records import ParticipantResult
from bidsml.report.blocks import References, Section
from bidsml.report.methods_text import describe_features, describe_signals, describe_software, paragraph, sources_of


def section(result: ParticipantResult) -> Section:
    """Write the methods of the participant level, with sources."""
    kinds = tuple(scan.kind for scan in result.scans)
    blocks = tuple((v.kind, v.measure, v.atlas) for v in result.features)
    text = [
        describe_software(result.provenance.version),
        *describe_signals(kinds, result.denoise),
        *describe_features(blocks),
    ]
    return Section(
        anchor="methods",
        title="Methods",
        lead="How the numbers on this page were made; the text may be copied into a paper.",
        blocks=(paragraph(text), References(sources_of(text))),
    )
