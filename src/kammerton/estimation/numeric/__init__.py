"""Arrays, weights, seeds and solvers: what computes, and judges nothing."""
