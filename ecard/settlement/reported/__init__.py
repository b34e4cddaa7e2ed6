"""What terminals report besides sales: who passed a gate, and what supervisors and devices noted. No money."""
