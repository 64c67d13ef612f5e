"""A closed loop that shows what exploration costs and brings before anyone trusts it (model specification §6)."""
