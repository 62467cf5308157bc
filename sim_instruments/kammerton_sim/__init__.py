"""The simulated laboratory: instruments on the wire, and the physics behind them."""
