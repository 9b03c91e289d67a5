"""Six kinds of traffic at once, as they meet in front of an application."""

from .traffic import Exchange, Traffic
from .tunnels import Tunnels, Wire

KEPT, CLOSE, POST, SLOW = "GET kept", "GET close", "POST", "slow reader"
REQUESTS = (KEPT, CLOSE, POST, SLOW)
TUNNELS = (Wire.WEBSOCKET.value, Wire.TCP.value)
KINDS = REQUESTS + TUNNELS

# Of each kind of tunnel, open beside the requests.
OPEN = 4


def plan(number: int, run: str) -> Exchange:
    """Of twenty-five requests: twelve GETs on kept connections, four on new ones, eight POSTs, and
    one reader who takes a second for 250 kB. One POST in eight takes half a second."""
    order = f"{run}-{number}"
    match number % 25:
        case 0:
            return Exchange("GET", f"/big?id={order}&", mark=order, closes=True,
                            kind=SLOW, is_slow_reader=True)
        case 1 | 2:
            return Exchange("GET", "/slow?ms=50", kind=KEPT)
        case 3:
            return Exchange("POST", f"/order?id={order}&ms=500", order, kind=POST)
        case 4 | 8 | 12 | 16:
            return Exchange("GET", "/", closes=True, kind=CLOSE)
        case 6 | 10 | 14 | 18:
            return Exchange("POST", f"/order?id={order}&ms=20", order, kind=POST)
        case 7 | 13 | 19:
            return Exchange("POST", f"/order?id={order}&ms=20", order, closes=True, kind=POST)
        case _:
            return Exchange("GET", "/", kind=KEPT)


class Mix:
    """Everything runs while the `async with` block does."""

    def __init__(self, web: tuple[str, int], echo: tuple[str, int] | None, rate: float):
        self.traffic = Traffic(web, rate, plan=plan)
        self.tunnels = [Tunnels(web, "app", OPEN, Wire.WEBSOCKET)]
        if echo:
            self.tunnels.append(Tunnels(echo, "app", OPEN, Wire.TCP))

    async def __aenter__(self) -> "Mix":
        for tunnels in self.tunnels:
            await tunnels.__aenter__()
        await self.traffic.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.traffic.__aexit__(*failure)
        for tunnels in self.tunnels:
            await tunnels.__aexit__(*failure)
