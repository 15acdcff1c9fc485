"""From T1w images to a brain mask, tissues, a transform to the template, and grey-matter density."""
