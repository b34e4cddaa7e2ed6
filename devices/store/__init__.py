"""What the server told this terminal: who it is, whom it may believe, and the site's snapshot. All of it renewable."""
