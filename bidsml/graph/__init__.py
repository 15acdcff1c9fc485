"""The order of the steps. The only room that imports Nipype."""
