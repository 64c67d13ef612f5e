"""The project directory: everything that touches the disk."""
