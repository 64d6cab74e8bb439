"""What a conversation of the Realtime API consists of, for clients that ask for an item again."""

from roboego.errors import InputError
from roboego.runtime.session import Session
from roboego.serve.realtime.responses import Event, Responses

MOST_ITEMS = 1_000
"""Older ones are forgotten, so that a session's memory stays flat."""


class Items:
    """Those of one session, as its client was told them.

    Of a reply of Ego's an item has the text that was audible, as the session's history has it: of one that was cut, or is still being
    said, that is less than was written.
    """

    def __init__(self, session: Session, responses: Responses) -> None:
        self.session, self.responses = session, responses
        self._items: dict[str, Event] = {}

    def note(self, event: Event) -> Event:
        """Keeps what an event tells of items. Returns the event."""
        if event["type"] in ("conversation.item.added", "conversation.item.done"):
            self._items[event["item"]["id"]] = event["item"]
            if len(self._items) > MOST_ITEMS:
                del self._items[next(iter(self._items))]
        elif event["type"] == "conversation.item.deleted":
            self._items.pop(event["item_id"], None)
        return event

    def get(self, name: str) -> Event:
        """An item.

        Raises:
            InputError: there is none of this id, or no longer.
        """
        if name not in self._items:
            raise InputError(f"there is no item {name!r} in this conversation, or no longer")
        item, index = self._items[name], self.responses.replies.get(name)
        said = next((reply.said for reply in self.session.transcript if reply.index == index), None)
        return item if said is None else item | {"content": [{"type": "output_audio", "transcript": said}]}
