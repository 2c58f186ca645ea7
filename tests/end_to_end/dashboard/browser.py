"""A headless Chromium, driven by its own protocol (https://chromedevtools.github.io/devtools-protocol/)."""

import asyncio
import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--remote-debugging-port=0",
)
_START_S = 30.0
_KEYS = {"Enter": ("Enter", 13, "\r"), "Escape": ("Escape", 27, "")}


def program() -> str | None:
    """The browser on this machine, if there is one."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Page:
    """One tab.

    Args:
        loop: runs the connection.
        socket: the connection to the tab.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._loop = loop
        self._socket = socket
        self._last_id = 0
        self._loads = 0
        self.complaints: list[str] = []
        """Errors that scripts raised or the browser wrote to the console, refused loads among them."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to one command of the protocol."""
        return self._loop.run_until_complete(self._send(method, parameters))

    def open(self, url: str) -> None:
        """Goes to an address and waits until it is there."""
        before = self._loads
        self.send("Page.navigate", url=url)
        self.await_load(before)

    def await_load(self, before: int, *, deadline_s: float = 20) -> None:
        """Waits until a page has loaded since there were ``before`` loads."""
        self.wait(lambda: self._loads > before, "the page loads", deadline_s=deadline_s)

    @property
    def loads(self) -> int:
        """How many pages have loaded."""
        return self._loads

    def run(self, script: str) -> Any:
        """The value of an expression on the page."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def text(self) -> str:
        """What a reader sees."""
        return str(self.run("document.body?.innerText ?? ''"))

    def click(self, selector: str) -> None:
        """Clicks the first element of a CSS selector."""
        clicked = self.run(f"(e => e ? (e.click(), true) : false)(document.querySelector({json.dumps(selector)}))")
        assert clicked, f"there is no {selector}"

    def submit(self, selector: str) -> None:
        """Clicks what leads to another page, and waits for that."""
        before = self._loads
        self.click(selector)
        self.await_load(before)

    def write(self, selector: str, text: str) -> None:
        """Writes into a field."""
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        self.send("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Presses and releases a key."""
        name, code, text = _KEYS[key] if key in _KEYS else (key, ord(key.upper()), key)
        for kind in ("keyDown", "keyUp"):
            typed = {"text": text} if kind == "keyDown" and text else {}
            self.send("Input.dispatchKeyEvent", type=kind, key=name, windowsVirtualKeyCode=code, **typed)

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        """Gives the window a size in CSS pixels."""
        scale = 2 if phone else 1
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=phone
        )

    def scheme(self, name: str) -> None:
        """Makes the reader prefer ``light`` or ``dark``."""
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def scripts(self, *, run: bool) -> None:
        """Lets pages run scripts, or not."""
        self.send("Emulation.setScriptExecutionDisabled", value=not run)

    def picture(self, path: Path) -> None:
        """Keeps a picture of the whole page."""
        answer = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def wait(self, condition: Callable[[], Any], what: str, *, deadline_s: float = 20) -> None:
        """Waits for something to become true."""
        give_up_at = time.monotonic() + deadline_s
        while not condition():
            if time.monotonic() > give_up_at:
                raise AssertionError(f"did not happen within {deadline_s:g} seconds: {what}")
            self._loop.run_until_complete(self._listen(0.05))

    async def _send(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._last_id += 1
        return await _command(self._socket, self._last_id, method, parameters, self._note)

    async def _listen(self, seconds: float) -> None:
        try:
            said = await asyncio.wait_for(self._socket.receive(), seconds)
        except TimeoutError:
            return
        self._note(json.loads(said.data))

    def _note(self, said: dict[str, Any]) -> None:
        given = said.get("params", {})
        match said.get("method"):
            case "Page.loadEventFired":
                self._loads += 1
            case "Runtime.exceptionThrown":
                self.complaints.append(str(given["exceptionDetails"].get("exception", given)))
            case "Runtime.consoleAPICalled" if given["type"] in ("error", "warning", "assert"):
                self.complaints.append(str([value.get("value") for value in given["args"]]))
            case "Log.entryAdded" if given["entry"]["level"] in ("error", "warning"):
                self.complaints.append(f"{given['entry']['text']} {given['entry'].get('url', '')}")


class Browser:
    """A running browser.

    Args:
        loop: runs the connections.
        session: opens them.
        port: where the browser listens.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, session: aiohttp.ClientSession, port: int) -> None:
        self._loop = loop
        self._session = session
        self._port = port
        self._own = loop.run_until_complete(self._connect(self._get("version")["webSocketDebuggerUrl"]))
        self._last_id = 0

    @contextmanager
    def page(self) -> Iterator[Page]:
        """A new tab that shares nothing with others, neither cookies nor what is cached."""
        context = self._send("Target.createBrowserContext")["browserContextId"]
        target = self._send("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        address = f"ws://127.0.0.1:{self._port}/devtools/page/{target}"
        socket = self._loop.run_until_complete(self._connect(address))
        try:
            yield Page(self._loop, socket)
        finally:
            self._loop.run_until_complete(socket.close())
            self._send("Target.disposeBrowserContext", browserContextId=context)

    def _get(self, name: str) -> dict[str, Any]:
        return self._loop.run_until_complete(self._fetch(name))

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last_id += 1
        return self._loop.run_until_complete(_command(self._own, self._last_id, method, parameters))

    async def _fetch(self, name: str) -> dict[str, Any]:
        async with self._session.get(f"http://127.0.0.1:{self._port}/json/{name}") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def _connect(self, address: str) -> aiohttp.ClientWebSocketResponse:
        return await self._session.ws_connect(address, max_msg_size=0)


@contextmanager
def browsing() -> Iterator[Browser]:
    """A new browser."""
    found = program()
    assert found, "there is no Chromium on this machine"
    with tempfile.TemporaryDirectory(prefix="tuco-browser-", ignore_cleanup_errors=True) as folder:
        command = [found, *_SWITCHES, f"--user-data-dir={folder}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            loop = asyncio.new_event_loop()
            port = _port_of(Path(folder), process)
            session = loop.run_until_complete(_session())
            yield Browser(loop, session, port)
            loop.run_until_complete(session.close())
            loop.close()
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _port_of(folder: Path, process: "subprocess.Popen[bytes]") -> int:
    told = folder / "DevToolsActivePort"
    give_up_at = time.monotonic() + _START_S
    while not (told.exists() and told.read_text().strip()):
        if process.poll() is not None or time.monotonic() > give_up_at:
            raise AssertionError("Chromium did not start")
        time.sleep(0.05)
    return int(told.read_text().splitlines()[0])


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


async def _command(
    socket: aiohttp.ClientWebSocketResponse,
    wanted: int,
    method: str,
    parameters: dict[str, Any],
    note: Callable[[dict[str, Any]], None] = lambda _said: None,
) -> dict[str, Any]:
    """The answer to one command; what is said meanwhile goes to ``note``."""
    await socket.send_json({"id": wanted, "method": method, "params": parameters})
    while True:
        said = json.loads((await socket.receive(timeout=60)).data)
        if said.get("id") == wanted:
            if "error" in said:
                raise AssertionError(f"{method}: {said['error']['message']}")
            answer: dict[str, Any] = said["result"]
            return answer
        note(said)
