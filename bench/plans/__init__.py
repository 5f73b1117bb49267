"""What a plan is worth on demand that nobody planned for, beside what people do today."""
