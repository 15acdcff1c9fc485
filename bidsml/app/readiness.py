"""Whose features are finished, and why others' are not: what the group level starts from."""

from collections.abc import Callable, Mapping

from bidsml.app.agreement import require_asked
from bidsml.app.status import ParticipantStatus, of_analysis, read_statuses
from bidsml.bids.manifest import Manifest, list_manifests, verify_manifest
from bidsml.bids.participants import read_participants
from bidsml.errors import DataError, MissingInputError, PartialFailureError
from bidsml.report.wording import hide_folders
from bidsml.spec import AnalysisSpec, RunOptions, features_digest

Say = Callable[[str], None]
"""Prints one line for the user."""


def usable_manifests(spec: AnalysisSpec, options: RunOptions) -> dict[str, Manifest]:
    """List manifests of this analysis, made under the same features and with every file as it was written.

    Raises
    ------
    MissingInputError
        There is none.
    DataError
        One was made with other settings, or a file is not as it was written.
    """
    found = {label: m for label, m in list_manifests(options.output_dir).items() if spec.name in m.analyses}
    if not found:
        raise MissingInputError(
            f"{options.output_dir} holds no participant of analysis {spec.name}",
            hint="run the participant level first, with the same --analysis",
        )
    digest = features_digest(spec)
    other = [label for label, m in found.items() if m.analyses[spec.name].features_digest != digest]
    if other:
        raise DataError(
            f"features of {len(other)} participants were made with other input, denoise or features settings: "
            + _some(other),
            hint="run the participant level again for them, with this analysis",
        )
    damaged = {label: verify_manifest(options.output_dir, m, spec.name) for label, m in found.items()}
    problems = [f"sub-{label}: {'; '.join(lines)}" for label, lines in damaged.items() if lines]
    if problems:
        raise DataError(
            "published files are not what their manifest says: " + "; ".join(problems[:5]),
            hint="run the participant level again for them",
        )
    return found


def account_for(
    spec: AnalysisSpec, options: RunOptions, manifests: Mapping[str, Manifest], say: Say
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Say who is considered, and why some of them have no features.

    Raises
    ------
    PartialFailureError
        Participants are missing or failed and ``--allow-partial`` is not given.
    """
    require_asked(options, manifests, needed=False)
    listed = read_participants(options.bids_dir)["participant_id"].tolist()
    lost = sorted(set(manifests) - set(listed))
    if lost and not options.participant_labels:
        say(f"finished but not in participants.tsv, so not analysed: {_some(lost)}")
    considered = [label for label in listed if not options.participant_labels or label in options.participant_labels]
    statuses = of_analysis(read_statuses(options.output_dir), spec.name)
    reasons: dict[str, str] = {}
    unfinished: list[str] = []
    for label in considered:
        if label in manifests and (label not in statuses or statuses[label].state != "failed"):
            continue
        status = statuses.get(label)
        if status is not None and status.state == "no-input":
            reasons[label] = f"input: {status.reason}"
        else:
            failed = status is not None and status.state == "failed"
            reasons[label] = f"failed: {_say(status)}" if status and failed else "not processed"
            unfinished.append(f"sub-{label} ({f'failed: {status.reason}' if status and failed else 'not processed'})")
    if unfinished and not options.allow_partial:
        raise PartialFailureError(
            f"{len(unfinished)} participants are missing or failed: {_some(unfinished)}",
            hint="finish the participant level, or go on without them with --allow-partial",
        )
    if unfinished:
        say(f"going on without {len(unfinished)} participants (--allow-partial): {_some(unfinished)}")
    return tuple(considered), reasons


def _say(status: ParticipantStatus) -> str:
    """Tell a failure in words that may be published: they go to cohort.tsv and to the report."""
    remedy = f" (what to do: {status.hint})" if status.hint else ""
    return hide_folders(f"{status.reason}{remedy}")


def _some(labels: list[str], limit: int = 10) -> str:
    rest = f" and {len(labels) - limit} more" if len(labels) > limit else ""
    return ", ".join(labels[:limit]) + rest
