"""Splits, metrics, baselines and the blend that they fit."""
