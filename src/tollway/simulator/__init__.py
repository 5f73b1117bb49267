"""What would happen: a fleet in virtual time, under the policies that run live."""
