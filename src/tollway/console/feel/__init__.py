"""The Feel page: token streams in the browser, and what their speed means."""
