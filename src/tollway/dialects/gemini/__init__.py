"""What Google's generateContent says, and how to say it there."""
