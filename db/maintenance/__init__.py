"""What must always hold; one verified file that brings a workspace back."""
