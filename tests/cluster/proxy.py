"""A network of ours between nodes: a gate before each, through which all that others send it comes, TCP and UDP.

A node is known by the address it listens at, since links and datagrams leave from there; it tells others the address of
its gate. Between two nodes, each way for itself, traffic can be cut (what is under way by TCP waits, as it would until
it is sent again; datagrams are lost), delayed, or lose datagrams at random.

            node 1  127.1.0.1 --> gate 127.2.0.2 (what node 1 may say to node 2) --> 127.1.0.2  node 2
"""

import asyncio
import random
import socket
import threading

TRIES = 50  # a port that is free for UDP need not be for TCP


class Way:
    """From one node to another."""

    def __init__(self):
        self.open = asyncio.Event()
        self.open.set()
        self.delay_s = 0.0
        self.loss = 0.0


class Gate(asyncio.DatagramProtocol):
    def __init__(self, network, name, host):
        self.network = network
        self.name = name
        self.host = host
        self.target = None  # (host, port) of the node, once it listens
        self.has_target = asyncio.Event()
        self.tasks = set()

    async def listen(self):
        loop = asyncio.get_running_loop()
        for _ in range(TRIES):
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.setblocking(False)
            udp.bind((self.host, 0))
            self.port = udp.getsockname()[1]
            try:
                self.server = await asyncio.start_server(self.on_connection, self.host, self.port, limit=1 << 16)
            except OSError:
                udp.close()
                continue
            self.transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=udp)
            return
        raise OSError("no port is free")

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def lead(self, target):
        self.target = target
        self.has_target.set()

    # UDP

    def datagram_received(self, data, source):
        network, sender = self.network, self.network.name_of(source[0])
        if sender is None or self.target is None:
            return
        way = network.way(sender, self.name)
        if not way.open.is_set() or network.random.random() < way.loss:
            return
        # It leaves by the sender's own gate: the answer goes there.
        network.count += 1
        asyncio.get_running_loop().call_later(way.delay_s, self.pass_on, network.gates[sender], data)

    def pass_on(self, gate, data):
        if not gate.transport.is_closing() and self.target is not None:
            gate.transport.sendto(data, self.target)

    def error_received(self, error):
        pass  # nobody listens there now

    # TCP

    async def on_connection(self, reader, writer):
        sender = self.network.name_of(writer.get_extra_info("peername")[0])
        task = asyncio.current_task()
        self.tasks.add(task)
        writers = [writer]
        try:
            there, back = self.network.way(sender, self.name), self.network.way(self.name, sender)
            await there.open.wait()
            await back.open.wait()
            await self.has_target.wait()  # knocks before it listens wait, as in the queue of a kernel
            far_reader, far_writer = await asyncio.open_connection(*self.target)
            writers.append(far_writer)
            pumps = [asyncio.ensure_future(self.pump(reader, far_writer, there)),
                     asyncio.ensure_future(self.pump(far_reader, writer, back))]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_EXCEPTION)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(task)
            for each in writers:
                each.close()

    async def pump(self, reader, writer, way):
        while True:
            data = await reader.read(1 << 16)
            await way.open.wait()
            if way.delay_s:
                await asyncio.sleep(way.delay_s)
            if not data:
                writer.write_eof()
                return
            self.network.count += 1
            writer.write(data)
            await writer.drain()

    def close(self):
        self.server.close()
        self.transport.close()
        for task in list(self.tasks):
            task.cancel()


class Network:
    """All gates, in a thread with a loop of its own. Every method is for other threads."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.gates = {}  # by the node's name; a node has one at a time
        self.old_gates = []
        self.names = {}  # by the node's address
        self.ways = {}
        self.count = 0  # datagrams and pieces of streams that were passed on
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def _do(self, work):
        async def run():
            done = work()
            return await done if asyncio.iscoroutine(done) else done
        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(30)

    # Within the loop.

    def name_of(self, host):
        return self.names.get(host)

    def way(self, sender, receiver):
        return self.ways.setdefault((sender, receiver), Way())

    # For tests.

    def add(self, name, node_host, gate_host):
        """A new gate before the node that will listen at `node_host`; one it had before leads nowhere from now on."""
        async def work():
            gate = Gate(self, name, gate_host)
            await gate.listen()
            before = self.gates.get(name)
            if before is not None:
                before.target = None
                before.has_target.clear()
                self.old_gates.append(before)
            self.gates[name] = gate
            self.names = {host: other for host, other in self.names.items() if other != name}
            self.names[node_host] = name
            return gate
        return self._do(work)

    def lead(self, name, host, port):
        """The node `name` listens there now."""
        def work():
            self.gates[name].lead((host, port))
        self._do(work)

    def lead_old(self, address, host, port):
        """A gate that was given up leads to somebody else: an address that is used again."""
        def work():
            for gate in self.old_gates:
                if gate.address == address:
                    gate.lead((host, port))
        self._do(work)

    def cut(self, sides, one_way=False):
        """Between every node of the first side and every one of the second; `one_way`: from the first to the second."""
        self._change(sides, one_way, lambda way: way.open.clear())

    def heal(self):
        def work():
            for way in self.ways.values():
                way.open.set()
                way.delay_s = way.loss = 0
        self._do(work)

    def slow(self, sides, delay_s=0.0, loss=0.0):
        def change(way):
            way.delay_s, way.loss = delay_s, loss
        self._change(sides, False, change)

    def _change(self, sides, one_way, change):
        def work():
            for one in sides[0]:
                for other in sides[1]:
                    if one == other:
                        continue
                    change(self.way(one, other))
                    if not one_way:
                        change(self.way(other, one))
        self._do(work)

    def close(self):
        async def work():
            for gate in [*self.gates.values(), *self.old_gates]:
                gate.close()
            await asyncio.sleep(0)
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        self._do(work)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()
