"""Exit codes and faults, from the error tree and from the table that the tests prove."""

import csv
from pathlib import Path

from bidsml import errors
from from_code.tables import code, write_table

_ROWS = Path(__file__).resolve().parents[2] / "tests" / "faults" / "rows.tsv"
_HEAD = """\
# Faults and exit codes

A failure that bidsml can explain is a sentence that says what was expected, what was found and where, then a hint, and
an exit code. A traceback is a bug: please report it.

What was finished stays as it was, the input is never written to, and the same command goes on from where it stopped.
"""
_ADVICE = {
    0: "everything that was asked for is done",
    1: "repeat those that failed (`bidsml status OUT` names them and why), or go on with `--allow-partial`",
    16: "mend the dataset, or skip the check with `--skip-bids-validation`",
    17: "the third word is `participant` or `group`",
    18: "compare the labels and filters with the dataset: `--dry-run` prints what is selected",
    64: "the message names the nearest option",
    65: "the message names the file, and the line where there is one",
    66: "the message names the file; for DataLad datasets it gives the `datalad get` line",
    69: "update or uninstall the package that the message names",
    70: "report it, with the lines above",
    73: "check the folder's owner, and that output, input and work folder are apart",
    74: "make room, or choose another work folder with `-w`; the message says how much is needed",
    75: "run the same command again: it resumes",
    78: "the message gives the line and the nearest name; `bidsml schema` prints every key",
    130: "run the same command again: it resumes",
}


def write_page() -> str:
    """Write the page."""
    codes = [(code(str(number)), said, _ADVICE.get(number, "")) for number, said in sorted(list_codes().items())]
    rows = [(fault, produces) for _, fault, produces in _read_rows()]
    return "\n".join(
        [
            _HEAD,
            "## Exit codes\n",
            write_table(("code", "means", "what to do"), codes),
            "\n## Faults that are tested\n",
            "Each row is a fault that the tests provoke, with real processes, signals and full disks where the "
            "machine allows (`make test-faults` prints the table with its results).\n",
            write_table(("fault", "what you get"), rows),
        ]
    )


def list_codes() -> dict[int, str]:
    """Give the meaning of each exit code, by code."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.BidsmlError)]
    told = {kind.exit_code: (kind.__doc__ or "").partition("\n")[0] for kind in kinds if kind is not errors.BidsmlError}
    own = {errors.EXIT_OK: "Done.", errors.EXIT_BUG: "A bug in bidsml.", errors.EXIT_CTRL_C: "Ctrl-C."}
    return {number: text.replace("``", "`") for number, text in (told | own).items()}


def _read_rows() -> list[list[str]]:
    with _ROWS.open(encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
