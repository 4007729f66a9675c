"""Commands about runs: train, evaluate, report, issues, predict."""
