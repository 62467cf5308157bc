"""Two coupled transmons propagated together: nine states, exactly."""
