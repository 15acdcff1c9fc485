"""Reporting checklists: ``items.toml`` lists every item, a function each says what a result shows for it."""
