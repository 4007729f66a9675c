"""Images that lie elsewhere: below a URL or each at its own, and the copies of them that are here."""
