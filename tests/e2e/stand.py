"""An emulated shop and Brevo account on the real clock, and the `tajo` command as a process beside them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from emulators.bigcommerce import BigCommerce
from emulators.bigcommerce.records import Address
from emulators.bigcommerce.store import Store
from emulators.brevo import Brevo
from emulators.clock import RealClock
from emulators.server import Server
from emulators.shoppers.assortment import stock_up
from tajo.kafka.ports import free_port
from tests.streams.logs import until

ROOT = Path(__file__).parents[2]
DOCUMENTED = ROOT / "tests" / "settings" / "files" / "as_documented.yml"
HASH, TOKEN, API_KEY = "tj4kq1w9zc", "a1b2c3d4e5f6", "xkeysib-e2e"
HOME = Address(
    first_name="Ada",
    last_name="Byron",
    street="1 Long Street",
    city="Springfield",
    state="Illinois",
    zip="62701",
    country="United States",
    country_code="US",
)


@dataclass
class Stand:
    store: Store
    bigcommerce: BigCommerce
    brevo: Brevo
    environment: dict[str, str]
    gateway: str
    folder: Path

    @asynccontextmanager
    async def tajo(self, *arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Runs the command; at the end it is asked to stop, and must leave in order. Its output is in ``log``."""
        with self.log.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tajo",
                *arguments,
                cwd=ROOT,
                env={**os.environ, **self.environment, **environment},
                stdout=out,
                stderr=out,
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                try:
                    await asyncio.wait_for(process.wait(), 40)
                except TimeoutError:
                    process.kill()
                    await process.wait()

    def documented(self) -> Path:
        """The documented file; only the values are real."""
        text = DOCUMENTED.read_text(encoding="utf-8")
        path = self.folder / "tajo.yml"
        path.write_text(text.replace("your-store-hash", HASH).replace("your-access-token", TOKEN), encoding="utf-8")
        return path

    @property
    def log(self) -> Path:
        return self.folder / "tajo.log"

    def output(self) -> str:
        """Of all commands so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    async def until(self, true: "object", what: str, timeout: float = 90) -> None:
        async def asked() -> bool:
            return bool(true())  # type: ignore[operator]

        try:
            await until(asked, what, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output()[-4000:]}") from None

    def events(self, name: str) -> list[Mapping[str, object]]:
        return [event.properties for event in self.brevo.state.events if event.name == name]


@asynccontextmanager
async def stand(folder: Path, *, allow_http: bool = True) -> AsyncIterator[Stand]:
    clock = RealClock()
    store = Store(clock, store_hash=HASH)
    stock_up(store, clock.now() - 86_400_000)
    bigcommerce = BigCommerce(
        clock,
        store,
        access_token=TOKEN,
        client_secret="your-client-secret",
        latency_ms=100,
        late_ms=300,
        allow_http=True,
    )
    brevo = Brevo(clock, api_key=API_KEY, lists={40: "All", 41: "Buyers", 42: "Abandoned"})
    port = free_port()
    async with Server(bigcommerce.app) as shop_url, Server(brevo.app) as brevo_url, bigcommerce:
        environment = {
            "BREVO_API_KEY": API_KEY,
            "TAJO_BREVO__BASE_URL": f"{brevo_url}/v3",
            "TAJO_BIGCOMMERCE__BASE_URL": shop_url,
            "TAJO_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "TAJO_GATEWAY__PORT": str(port),
            "TAJO_DATA_DIR": str(folder / "data"),
        }
        yield Stand(store, bigcommerce, brevo, environment, f"http://127.0.0.1:{port}", folder)
