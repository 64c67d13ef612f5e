"""Avro-like schema documents: read, check, cast and validate."""
