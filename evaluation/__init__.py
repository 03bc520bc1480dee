"""How good the answers are: benchmarks that anyone can run on their own photos."""
