"""Train a solution, from the project's tables to a published version (design §3)."""
