"""What is answered: annotations as they were read, and the verdicts they give."""
