"""Speed and memory of the market, beside other frameworks, in one run: ``make bench``.

Every figure is measured in a process of its own (``probe.py``), one after the other, several times over; what is
measured is in ``plan.py``, and all of it is kept in ``docs/performance.json``, from which ``docs/performance.md`` and
its plots are written (``report.py``). The markets that are timed against each other: the compiled one, the plain one
of ``tests/reference`` in Mesa, the same in AgentPy (``agentpy_market.py``), and the core of it in mesa-frames
(``frames_market.py``).
"""
