"""Templates: each story that schools and offices tell, set up with a dozen inputs at most and no documentation."""
