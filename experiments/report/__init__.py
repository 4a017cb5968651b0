"""The report of a comparison: what was found, in words, tables and pictures, on one page."""
