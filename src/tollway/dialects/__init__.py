"""Which wire form says what: four dialects of one meaning."""
