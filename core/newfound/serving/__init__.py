"""The memory-mapped bundle and everything that answers a request, in numpy."""
