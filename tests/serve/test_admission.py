"""When all sessions are taken: a place in the queue, a session when it is one's turn, and a refusal when the queue is full."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import ClientConnection, connect

from roboego.runtime.engine import Engine
from roboego.runtime.frame import EngineFull, Frame, SessionError
from roboego.serve.admission import Admission, Place
from roboego.serve.app import make_app
from roboego.serve.live import Live, LiveEngine
from tests.serve.conftest import serving
from tests.tiny import tiny_loaded


def ignore(result: Frame | SessionError) -> None: ...


@contextlib.asynccontextmanager
async def admission(most: int = 2) -> AsyncIterator[Admission]:
    engine = LiveEngine(Engine(tiny_loaded(), slots=1))
    engine.start()
    yield Admission(engine, most)
    engine.stop()


class Waiter:
    """Somebody who wants a session."""

    def __init__(self, queue: Admission) -> None:
        self.places: list[Place] = []
        self.entering = asyncio.create_task(queue.enter(ignore, self.tell))

    async def tell(self, place: Place) -> None:
        self.places.append(place)

    async def entered(self) -> Live:
        async with asyncio.timeout(60):
            return await self.entering

    async def told(self, *positions: int) -> None:
        """Waits until it has been told these places, and then no other."""
        async with asyncio.timeout(60):
            while len(self.places) < len(positions):
                await asyncio.sleep(0.01)
        assert [place.position for place in self.places] == list(positions)


async def _in_turn() -> None:
    async with admission() as queue:
        first, second, third = (Waiter(queue) for _ in range(3))
        live = await first.entered()
        await second.told(1)
        await third.told(2)
        assert queue.waiting == 2
        with pytest.raises(EngineFull, match="2 wait already"):
            await Waiter(queue).entered()
        # Somebody gives up: the next one moves up.
        second.entering.cancel()
        await third.told(2, 1)
        queue.leave(live)
        live = await third.entered()
        assert queue.waiting == 0
        assert not first.places
        late = Waiter(queue)
        await late.told(1)
        assert late.places[0].eta_s is not None
        assert queue.retry_s >= 1
        queue.leave(live)
        queue.leave(await late.entered())


def test_whoever_came_first_enters_first() -> None:
    asyncio.run(_in_turn())


async def _queued(where: str) -> tuple[dict[str, object], str]:
    """What a page is told while it waits, and what of a client's early messages is answered later."""
    holder = await connect(f"ws://{where}/api/live")
    assert json.loads(await holder.recv())["type"] == "hello"
    page = await connect(f"ws://{where}/api/live")
    place = json.loads(await page.recv())
    gone = await connect(f"ws://{where}/api/chat")
    assert json.loads((await gone.recv())[1:])["queue"]["position"] == 2
    await gone.close()
    client: ClientConnection = await connect(f"ws://{where}/v1/realtime")
    await client.send(json.dumps({"type": "input_audio_buffer.clear"}))
    await holder.close()
    assert json.loads(await page.recv())["type"] == "hello"
    await page.close()
    async with asyncio.timeout(10):
        assert json.loads(await client.recv())["type"] == "session.created"
        answer = json.loads(await client.recv())["type"]
    await client.close()
    return place, answer


def test_clients_wait_on_their_sockets_and_nothing_they_sent_is_lost() -> None:
    with serving(make_app(LiveEngine(Engine(tiny_loaded(), slots=1)))) as where:
        place, answer = asyncio.run(_queued(where))
    assert place == {"type": "queue", "position": 1, "eta_s": None}
    assert answer == "input_audio_buffer.cleared"
