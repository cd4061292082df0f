# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that disturbs: what stands between a client and a server when the network is bad.

A Link listens on a port of its own and forwards to one address. Whoever tests says what happens to
its bytes, each way on its own:

pass    they go through (after `delay` seconds)
hold    they are kept, and go on when the way passes again
drop    they are gone, and nobody is told: a cut cable, one way or both
break   the connection ends, for who receives in good order, when so many have passed on it
damage  of so many that pass on a connection the last is another

What was dropped cannot be mended in the middle of a connection; a way that passes again after it
dropped some resets the connections that lost any. reset() breaks all connections; refuse() also
takes no new ones, until accept().
"""

import asyncio
import socket
import struct
import threading

TO_SERVER, TO_CLIENT = "to server", "to client"
BOTH = (TO_SERVER, TO_CLIENT)
CHUNK = 65536
NO_LINGER = struct.pack("ii", 1, 0)


class Way:
    """One direction of a link."""

    def __init__(self):
        self.mode = "pass"
        self.delay = 0.0
        self.count = 0  # of bytes, for break and damage
        self.changed = asyncio.Event()  # replaced at every change

    def set(self, mode, delay, count=0):
        self.mode, self.delay, self.count = mode, delay, count
        before, self.changed = self.changed, asyncio.Event()
        before.set()


def damaged(data, passed, every):
    """The data with one bit wrong in each byte whose number on the connection divides by `every`."""
    data = bytearray(data)
    for at in range(-(passed + 1) % every, len(data), every):
        data[at] ^= 1
    return bytes(data)


class Connection:
    def __init__(self, link, reader, writer):
        self.link = link
        self.client = (reader, writer)
        self.server = None
        self.lost = set()  # the ways on which bytes of it are gone

    async def serve(self):
        try:
            self.server = await asyncio.open_connection(*self.link.target)
            await asyncio.gather(
                self.pump(TO_SERVER, self.client[0], self.server[1]),
                self.pump(TO_CLIENT, self.server[0], self.client[1]),
            )
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.reset()
            self.link.connections.discard(self)

    async def pump(self, direction, reader, writer):
        way = self.link.ways[direction]
        passed = 0
        while data := await reader.read(CHUNK):
            if way.delay:
                await asyncio.sleep(way.delay)
            while way.mode == "hold":
                await way.changed.wait()
            if way.mode == "drop":
                self.lost.add(direction)
                self.link.dropped += len(data)
                continue
            if way.mode == "break" and passed + len(data) > way.count:
                writer.write(data[: max(way.count - passed, 0)])
                writer.close()
                await writer.wait_closed()
                return self.reset()
            if way.mode == "damage":
                data = damaged(data, passed, way.count)
            passed += len(data)
            self.link.passed += len(data)
            writer.write(data)
            await writer.drain()
        while way.mode in ("hold", "drop"):  # nor does the end of it get through
            await way.changed.wait()
        if writer.can_write_eof():
            writer.write_eof()

    def reset(self):
        for end in (self.client, self.server):
            if end is None:
                continue
            connection = end[1].get_extra_info("socket")
            if connection is not None and connection.fileno() >= 0:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            end[1].transport.abort()


class Link:
    """From `port` to a server. Made by Proxy.link(); its methods may be called from any thread."""

    def __init__(self, proxy, name, target):
        self.proxy = proxy
        self.name = name
        self.target = target
        self.ways = {way: Way() for way in BOTH}
        self.connections = set()
        self.refuses = False
        self.passed = self.dropped = 0  # bytes
        self.listener = None
        self.port = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    async def listen(self, port):
        self.listener = await asyncio.start_server(self.accepted, "127.0.0.1", port)
        self.port = self.listener.sockets[0].getsockname()[1]

    async def accepted(self, reader, writer):
        connection = Connection(self, reader, writer)
        if self.refuses:
            connection.reset()
            return
        self.connections.add(connection)
        await connection.serve()

    async def change(self, mode, ways, delay, count=0):
        for way in ways:
            self.ways[way].set(mode, delay, count)
        if mode == "pass":
            for connection in [c for c in self.connections if c.lost & set(ways)]:
                connection.reset()

    async def break_all(self, refuses):
        self.refuses = refuses
        for connection in list(self.connections):
            connection.reset()

    # what tests say

    def open(self, ways=BOTH, delay=0.0):
        """Bytes go through again, each after the delay."""
        self.proxy.do(self.change("pass", ways, delay))

    def hold(self, ways=BOTH):
        self.proxy.do(self.change("hold", ways, 0.0))

    def cut(self, ways=BOTH):
        self.proxy.do(self.change("drop", ways, 0.0))

    def break_after(self, count, ways=BOTH):
        """Each connection, when so many bytes have passed on it."""
        self.proxy.do(self.change("break", ways, 0.0, count))

    def damage_every(self, count, ways=BOTH):
        self.proxy.do(self.change("damage", ways, 0.0, count))

    def reset(self):
        self.proxy.do(self.break_all(self.refuses))

    def refuse(self):
        self.proxy.do(self.break_all(True))

    def accept(self):
        self.refuses = False

    def mend(self):
        """As if nothing had been."""
        self.accept()
        self.open()


class Proxy:
    """All links of a test, served by one thread."""

    def __init__(self):
        self.links = {}
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def do(self, deed, limit=10):
        return asyncio.run_coroutine_threadsafe(deed, self.loop).result(limit)

    def link(self, name, address, port=None):
        """A link to HOST:PORT, on a free port unless one is given."""
        host, _, number = address.rpartition(":")
        link = Link(self, name, (host, int(number)))
        self.do(link.listen(port))
        self.links[name] = link
        return link

    def mend(self):
        for link in self.links.values():
            link.mend()

    def close(self):
        for link in self.links.values():
            self.loop.call_soon_threadsafe(link.listener.close)
            link.reset()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()
