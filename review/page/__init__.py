"""The review card: what a reviewer is asked, in which words, and what the answers mean."""
