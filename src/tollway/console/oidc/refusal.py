"""Why a sign-in through the provider does not come about."""

from tollway.errors import TollwayError


class ProviderDownError(TollwayError):
    """The provider does not answer, or not in a way that can be used."""


class NotBelievedError(TollwayError):
    """What the browser or the provider brought is not believed. The text is for the log: it quotes
    no token, and a page says less."""
