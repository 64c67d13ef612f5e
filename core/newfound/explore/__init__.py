"""Prior, posterior and policy: how new items get their chance."""
