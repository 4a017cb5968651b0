"""The model once more, slow and plain: agents of Mesa, written from ``docs/model.md`` and not from the kernels.

`sim.Market` must agree with it bit for bit (``tests/test_reference.py``). It shares with the market what is not being
checked: the addressed draws, the settings, the policies, pyramids and strategies, and the network.

Read ``market.py`` (the step) first, then ``person.py`` (one customer's value chain), ``firm.py`` and ``events.py``.
"""
