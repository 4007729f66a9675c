"""Label Studio: issues become tasks, annotations become verdicts; everything is safe to repeat.

``client`` talks to the server and turns its errors into sentences, ``project`` keeps the one project of a
catalog up to date, ``images`` makes sure that a reviewer's browser gets the pictures, ``tasks`` builds
what is sent, ``push`` sends a planned batch, ``fetch`` brings answers back.
"""
