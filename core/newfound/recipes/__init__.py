"""How a recipe makes a bundle at FULL and at UPDATE."""
