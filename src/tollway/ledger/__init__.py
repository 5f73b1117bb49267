"""What happened: reserve, settle, reconcile."""
