"""The customer value chain, one module per stage in the order it happens; ``life`` tells one period of one person."""
