"""What reviewers are asked, what they answer, and what follows from it."""
