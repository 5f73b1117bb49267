"""What a fleet would do, in virtual time: workloads, replicas, the event loop, reports."""
