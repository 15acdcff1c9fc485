"""Reporting checklists, filled from a result and from study.toml: TRIPOD+AI 2024 and CLAIM 2024.

An item is never just ticked. It has a text that answers it, or a reason why it doesn't apply, or it is MISSING.
"""

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from bidsml.records import Result
from bidsml.report.checklist import figures, models, people
from bidsml.report.checklist.fact import Fact
from bidsml.report.lookup import read_study
from bidsml.report.wording import start_sentence
from bidsml.spec import StudySpec, not_applicable

Guideline = Literal["TRIPOD+AI", "CLAIM"]
Status = Literal["auto", "study.toml", "not applicable", "MISSING"]
GUIDELINES: dict[str, Guideline] = {"TRIPOD": "TRIPOD+AI", "CLAIM": "CLAIM"}


@dataclass(frozen=True)
class Item:
    """One item of a guideline.

    Attributes
    ----------
    asks
        What it asks for, in our words.
    study, also
        Keys of study.toml: without ``study`` the item is missing; ``also`` is shown where it is told.
    auto
        Name of the function that tells what the result shows; empty for none.
    """

    guideline: Guideline
    number: str
    asks: str
    study: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    auto: str = ""


@dataclass(frozen=True)
class Filled:
    """An item with what was found for it.

    ``anchor`` is the part of the group report that shows it; empty where there is none.
    """

    item: Item
    status: Status
    text: str
    anchor: str = ""


@cache
def list_items() -> tuple[Item, ...]:
    """List every item of both guidelines, in their order."""
    content = tomllib.loads(files(__package__ or "").joinpath("items.toml").read_text(encoding="utf-8"))
    return tuple(
        Item(
            guideline=guideline,
            number=one["item"],
            asks=one["asks"],
            study=tuple(one.get("study", ())),
            also=tuple(one.get("also", ())),
            auto=one.get("auto", ""),
        )
        for name, guideline in GUIDELINES.items()
        for one in content[name]
    )


def find_fact(name: str) -> Callable[[Result], Fact]:
    """Find the function that items.toml names."""
    room = next(room for room in (people, models, figures) if hasattr(room, name))
    found: Callable[[Result], Fact] = getattr(room, name)
    return found


def fill_checklists(result: Result) -> tuple[Filled, ...]:
    """Fill every item from what the result shows and what the authors told."""
    study = read_study(result)
    return tuple(_fill(item, result, study) for item in list_items())


def _fill(item: Item, result: Result, study: StudySpec) -> Filled:
    fact = find_fact(item.auto)(result) if item.auto else Fact()
    told = [(key, study.get(key)) for key in (*item.study, *item.also) if study.get(key)]
    reasons = [not_applicable(text) for _, text in told]
    if told and all(reasons):
        return Filled(item, "not applicable", _sentences(reasons), fact.anchor)
    absent = [key for key in item.study if not study.get(key)]
    if fact.excuse and not told:
        return Filled(item, "not applicable", _sentences([fact.excuse]), fact.anchor)
    words = [*(text for _, text in told), *([fact.text] if fact.text else [])]
    if absent or not words:
        lack = fact.lack or "Nothing is known of this."
        return Filled(item, "MISSING", " ".join(_say_missing(absent, words, lack=lack)), fact.anchor)
    return Filled(item, "study.toml" if told else "auto", _sentences(words), fact.anchor)


def _say_missing(absent: list[str], words: list[str], *, lack: str) -> Iterator[str]:
    yield f"To be told in study.toml: {', '.join(absent)}." if absent else lack
    if words:
        yield f"So far: {_sentences(words)}"


def _sentences(texts: Sequence[str]) -> str:
    """Begin each with a capital letter, and end it."""
    return " ".join(start_sentence(text if text.endswith((".", "!", "?")) else f"{text}.") for text in texts)
