"""Connections of HTTP/2, either side, over the h2 package."""

import asyncio

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from h2.settings import SettingCodes, Settings

SECONDS = 20


class Reset(Exception):
    """The other side has ended the stream, or the connection, before its end."""


class Stream:
    """One stream: what comes of it in order, and what goes out as far as the windows allow."""

    def __init__(self, link: "Link", number: int):
        self.link, self.number = link, number
        self.events: asyncio.Queue = asyncio.Queue()
        self.is_over = False

    async def next(self) -> tuple:
        """("head", fields, ended), ("data", bytes), ("trailers", fields) or ("end",)."""
        event = await asyncio.wait_for(self.events.get(), SECONDS)
        if event[0] == "data":
            self.link.acknowledge(event[2], self.number)
            return event[:2]
        if event[0] == "reset":
            raise Reset(event[1])
        return event

    def head(self, fields: list, ends: bool = False) -> None:
        self.link.h2.send_headers(self.number, fields, end_stream=ends)
        self.link.flush()

    async def send(self, data: bytes, ends: bool = False) -> None:
        view = memoryview(data)
        while len(view):
            try:
                room = min(self.link.h2.local_flow_control_window(self.number),
                           self.link.h2.max_outbound_frame_size, len(view))
            except h2.exceptions.ProtocolError as error:
                raise Reset(str(error)) from None
            if self.is_over or self.link.is_lost:
                raise Reset("sent to what is over")
            if room <= 0:
                self.link.opened.clear()
                await asyncio.wait_for(self.link.opened.wait(), SECONDS)
                continue
            self.link.h2.send_data(self.number, bytes(view[:room]))
            view = view[room:]
            self.link.flush()
            await self.link.drained()
        if ends:
            try:
                self.link.h2.end_stream(self.number)
            except h2.exceptions.ProtocolError as error:
                raise Reset(str(error)) from None
            self.link.flush()

    def reset(self, code: int = 8) -> None:
        self.is_over = True
        try:
            self.link.h2.reset_stream(self.number, code)
        except h2.exceptions.ProtocolError:
            return
        self.link.flush()


class Link(asyncio.Protocol):
    """A connection; a server's calls `serve` for each stream that a client begins."""

    def __init__(self, serve=None, window: int = 65_535, takes_tunnels: bool = True):
        self.serve, self.window, self.takes_tunnels = serve, window, takes_tunnels
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=serve is None, header_encoding="utf-8", validate_inbound_headers=False))
        self.streams: dict[int, Stream] = {}
        self.opened, self.writable = asyncio.Event(), asyncio.Event()
        self.writable.set()
        self.is_lost = self.has_goaway = False
        self.tasks: set = set()
        self.received = bytearray()

    def connection_made(self, transport) -> None:
        self.transport = transport
        wanted = {SettingCodes.INITIAL_WINDOW_SIZE: self.window}
        if self.serve and self.takes_tunnels:
            wanted[SettingCodes.ENABLE_CONNECT_PROTOCOL] = 1
        self.h2.local_settings = Settings(client=self.serve is None, initial_values=wanted)
        self.h2.initiate_connection()
        self.flush()

    def connection_lost(self, _) -> None:
        self.is_lost = True
        self.opened.set()
        self.writable.set()
        for stream in self.streams.values():
            stream.is_over = True
            stream.events.put_nowait(("reset", "the connection is lost"))

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    async def drained(self) -> None:
        await asyncio.wait_for(self.writable.wait(), SECONDS)

    def flush(self) -> None:
        if data := self.h2.data_to_send():
            self.transport.write(data)

    def acknowledge(self, count: int, number: int) -> None:
        if not self.is_lost and count:
            self.h2.acknowledge_received_data(count, number)
            self.flush()

    def request(self, fields: list, ends: bool = True) -> Stream:
        number = self.h2.get_next_available_stream_id()
        stream = self.streams[number] = Stream(self, number)
        stream.head(fields, ends)
        return stream

    def data_received(self, data: bytes) -> None:
        if self.serve:
            self.take(data)
            return
        # GOAWAY is noted here: the package would not even end what is open after it.
        self.received += data
        while len(self.received) >= 9:
            count = 9 + int.from_bytes(self.received[:3], "big")
            if len(self.received) < count:
                break
            frame, self.received = bytes(self.received[:count]), self.received[count:]
            if frame[3] == 7:
                self.has_goaway = True
            else:
                self.take(frame)

    def take(self, data: bytes) -> None:
        try:
            events = self.h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            self.flush()
            self.transport.close()
            return
        for event in events:
            self.note(event)
        self.flush()

    def note(self, event) -> None:
        number = getattr(event, "stream_id", None)
        stream = self.streams.get(number)
        match event:
            case h2.events.RequestReceived():
                stream = self.streams[number] = Stream(self, number)
                stream.events.put_nowait(("head", event.headers))
                task = asyncio.get_running_loop().create_task(self.serve(stream))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                self.opened.set()
            case _ if stream is None:
                pass
            case h2.events.InformationalResponseReceived() | h2.events.ResponseReceived():
                stream.events.put_nowait(("head", event.headers))
            case h2.events.DataReceived():
                stream.events.put_nowait(("data", event.data, event.flow_controlled_length))
            case h2.events.TrailersReceived():
                stream.events.put_nowait(("trailers", event.headers))
            case h2.events.StreamEnded():
                stream.events.put_nowait(("end",))
            case h2.events.StreamReset():
                stream.is_over = True
                self.opened.set()
                stream.events.put_nowait(("reset", event.error_code))
