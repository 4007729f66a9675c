"""Runs, their issues and scores."""
