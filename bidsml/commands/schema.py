"""``bidsml schema``: the JSON Schema of analysis.toml or study.toml, or a study.toml to fill in."""

import json
import sys

from bidsml.arguments import CommandParser, parse
from bidsml.spec import analysis_schema, study_schema, study_template


def main(argv: list[str]) -> int:
    """Print what is asked for."""
    parser = CommandParser(prog="bidsml schema", description="Print the JSON Schema of analysis.toml.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--study", action="store_true", help="print that of study.toml")
    what.add_argument("--study-template", action="store_true", help="print a study.toml to fill in")
    arguments = parse(parser, argv)
    if arguments is None:
        return 0
    if arguments.study_template:
        sys.stdout.write(study_template())
        return 0
    schema = study_schema() if arguments.study else analysis_schema()
    sys.stdout.write(json.dumps(schema, indent=2) + "\n")
    return 0
