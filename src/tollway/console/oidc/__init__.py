"""Signing in through an OpenID Connect provider: what is asked of it, and what is believed."""
