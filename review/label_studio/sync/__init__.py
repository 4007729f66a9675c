"""From annotations at the server, or in its export, to answers that the catalog can take."""
