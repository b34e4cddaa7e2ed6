"""What a device is made of, each a small protocol with a real implementation; firmware_sim gives virtual ones."""
