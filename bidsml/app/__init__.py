"""Check the wishes, run one level, and keep the one record of what became of it."""
