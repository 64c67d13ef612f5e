"""JSON Schemas of every --json output."""
