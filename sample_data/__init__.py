"""The demo data set, its schema documents and its generator."""
