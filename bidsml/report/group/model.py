"""The frozen biomarker's card, with its files."""

from bidsml.records import Result
from bidsml.report.blocks import Block, Bullets, Facts, Link, Paragraph, References, Section
from bidsml.report.lookup import read_study
from bidsml.report.model_card import describe_model
from bidsml.report.references import MITCHELL


def section(result: Result) -> Section | None:
    """Say what the frozen model is for and what not; nothing where none was frozen."""
    if result.model is None:
        return None
    blocks: list[Block] = []
    for part in describe_model(result.model, read_study(result)):
        if part.text:
            blocks.append(Paragraph(f"{part.heading}: {part.text}"))
        if part.items:
            blocks.append(Bullets(part.items, heading=part.heading))
        if part.facts:
            blocks.append(Facts(part.facts))
    folder = f"group/{result.analysis}/model"
    files = [("Model card", "README.md"), ("Description and digests", "model.json"), ("Numbers", "arrays.npz")]
    links = tuple(Link(f"{what}: {name}", f"{folder}/{name}") for what, name in files)
    return Section(
        anchor="model",
        title="Model card",
        lead="The biomarker as it can be applied to other people: what it is for, what it was made from, and what it "
        "must not be used for.",
        badge="For research; not for clinical use",
        tone="caution",
        blocks=(*blocks, Bullets(links, heading="Open the files"), References((MITCHELL,))),
    )
