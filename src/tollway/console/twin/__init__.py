"""The Twin page: what chips would do with a load, and how wrong such predictions were lately."""
