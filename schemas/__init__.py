"""Built-in schema documents; output/ holds the JSON Schema of every --json output."""
