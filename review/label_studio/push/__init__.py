"""From a planned batch to tasks at the server, and what keeps open tasks up to date."""
