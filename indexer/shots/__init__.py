"""Which files belong to one press of the shutter, by names, times and pictures."""
