"""The dataset: finding and reading input, naming and writing output. The only room that knows BIDS."""
