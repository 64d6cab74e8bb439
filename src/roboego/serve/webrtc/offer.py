"""What a peer may offer: Ego's sound and events, its own sound, and a camera."""

from collections import Counter

from aiortc.sdp import SessionDescription

from roboego.errors import InputError

MOST_CANDIDATES = 64
"""Addresses at which a peer may be looked for."""
UNREADABLE = (ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, StopIteration)
"""What aiortc's parser stumbles with over text that is no session description."""


def check(offer: str) -> None:
    """Looks through a session description before anything is made for it.

    Raises:
        InputError: it is none, or offers what a session has no use for.
    """
    try:
        description = SessionDescription.parse(offer)
    except UNREADABLE as error:
        raise InputError(f"the offer is no session description (SDP) that can be read: {error or type(error).__name__}") from error
    media = description.media
    if not media:
        raise InputError("the offer is no session description (SDP), or one without sound and data channel")
    kinds = Counter(m.kind for m in media)
    if kinds["audio"] != 1 or kinds["application"] != 1 or kinds["video"] > 1 or len(media) > 3:
        found = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        raise InputError(f"an offer has one audio section, one data channel and at most one video section, not {found}")
    names = {m.rtp.muxId for m in media}
    if len(names) != len(media) or any(not names.issuperset(group.items) for group in description.group if group.semantic == "BUNDLE"):
        raise InputError("the sections of an offer have names of their own (a=mid), and a BUNDLE is made of these")
    if any(m.dtls is None or not m.dtls.fingerprints for m in media):
        raise InputError("the offer has no fingerprint: connections are encrypted with DTLS")
    if sum(len(m.ice_candidates) for m in media) > MOST_CANDIDATES:
        raise InputError(f"an offer names at most {MOST_CANDIDATES} candidates")
