"""Experiments on the market: runs, comparisons paired by seed, their statistics, the report and the command line."""
