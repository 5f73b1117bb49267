"""What is publicly known: chips and models, each fact with source, date and confidence."""
