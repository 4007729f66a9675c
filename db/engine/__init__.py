"""How the catalog is opened, locked, written in bulk, and how its drivers' errors are told."""
