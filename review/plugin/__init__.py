"""The App's plugin, as FiftyOne loads it: decisions and tasks from the App, through the catalog."""
