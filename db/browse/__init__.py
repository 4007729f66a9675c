"""What a browser of the collection shows of each artwork."""
