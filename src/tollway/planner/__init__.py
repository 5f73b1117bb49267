"""What to buy and how to leave it: a contract's capacity, cash, exits and dates."""
