"""Device kinds: what makes a canteen till, a scale, a gate, a bus or a cabinet of the one master control."""
