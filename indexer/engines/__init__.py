"""Where the work of a scan runs: a pool of worker processes on this machine."""
