"""A local recommender that finds an audience for new items."""
