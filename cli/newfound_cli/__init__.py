"""The command line of newfound: parse, call one core function, render."""
