"""The recurrent user network and its training, in JAX."""
