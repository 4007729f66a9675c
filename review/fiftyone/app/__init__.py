"""The App: how it is started, who may ask it what, and its plugin."""
