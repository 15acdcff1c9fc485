"""``bidsml schema``: the JSON Schema of analysis.toml."""

import json
import sys

from bidsml.cli import CommandParser, parse
from bidsml.spec import analysis_schema


def main(argv: list[str]) -> int:
    """Print the schema."""
    parser = CommandParser(prog="bidsml schema", description="Print the JSON Schema of analysis.toml.")
    if parse(parser, argv) is None:
        return 0
    sys.stdout.write(json.dumps(analysis_schema(), indent=2) + "\n")
    return 0
