"""What many runs tell together: which assumption an answer hangs on, who wins, what is best, and where it fails.

Each analysis is a design of runs and a function from their outcomes to findings; :mod:`experiments.analyses.evaluate`
makes the runs.
"""
