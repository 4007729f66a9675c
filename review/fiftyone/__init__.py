"""The catalog as a FiftyOne dataset: samples, views, map, evaluation, the App and what it does."""
