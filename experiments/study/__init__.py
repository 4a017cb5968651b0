"""Studies: many runs by design, kept in a store that a later study, or another one at the same time, can use.

A *study* (a ``STUDY.toml``) names a scenario, what varies, the seeds and what is asked of the answers. What it takes
are *runs*, each a scenario and a seed; a *store* keeps what each gave, by an id that stands for all that decides it; a
*runner* makes those that the store does not have, on this machine or on a cluster. The kinds of study are listed in
:mod:`experiments.study.kinds`.
"""
