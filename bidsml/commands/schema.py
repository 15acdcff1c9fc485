"""``bidsml schema``: the JSON Schema of analysis.toml."""

import json

from bidsml.cli import CommandParser, parse
from bidsml.spec import analysis_schema


def main(argv: list[str]) -> int:
    """Print the schema."""
    parser = CommandParser(prog="bidsml schema", description="Print the JSON Schema of analysis.toml.")
    if parse(parser, argv) is None:
        return 0
    print(json.dumps(analysis_schema(), indent=2))
    return 0
