"""What to sign and what to leave, when: a planning problem, its solution, and how good that is."""
