"""A database that is a millisecond away."""

import asyncio
from contextlib import contextmanager
from threading import Thread

from sqlalchemy import make_url

DELAY = 0.001  # seconds that each answer of the database takes longer


@contextmanager
def far_away(database_url: str):
    """Give the URL of a proxy of the database that delays its answers."""
    url = make_url(database_url)
    loop = asyncio.new_event_loop()

    async def connected(reader, writer):
        from_database, to_database = await asyncio.open_connection(url.host, url.port or 3306)
        forward = relay(reader, to_database, 0), relay(from_database, writer, DELAY)
        await asyncio.gather(*forward, return_exceptions=True)

    server = loop.run_until_complete(asyncio.start_server(connected, "127.0.0.1", 0))
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    port = server.sockets[0].getsockname()[1]
    try:
        yield url.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def relay(reader, writer, delay):
    while data := await reader.read(2**16):
        await asyncio.sleep(delay)
        writer.write(data)
    writer.close()
