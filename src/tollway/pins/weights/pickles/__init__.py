"""What would a pickle do if it were loaded? Interpreted, never run."""
