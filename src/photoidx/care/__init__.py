"""Looking after a library: is it whole, mending it, copies of it."""
