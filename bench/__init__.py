"""Speed, as ratios from one run against what a user would pick instead. Run by `make bench`."""
