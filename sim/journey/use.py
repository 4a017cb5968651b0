"""Use: the product and the service as they turn out."""

from __future__ import annotations

from sim.compiled import inline


@inline
def experience(offer, variation, behaviour):  # type: ignore[no-untyped-def]
    """Return how good this purchase turns out if nothing fails: varying quality, plus the service delivered."""
    quality = offer.quality + offer.inconsistency * variation
    return quality + behaviour.service_in_experience * (offer.delivered + offer.support)


@inline
def promise(offer, behaviour):  # type: ignore[no-untyped-def]
    """Return what a newcomer expects: the quality and the service promised."""
    return offer.quality + behaviour.service_in_experience * (offer.service + offer.support)
