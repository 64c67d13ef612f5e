"""Interactions, items, events: from files to encoded arrays."""
