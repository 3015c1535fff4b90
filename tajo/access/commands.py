"""`tajo token create | list | revoke` and `tajo connections list | remove | rotate | key`."""

import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from schemas.connections import Token, key_of_store
from tajo import running
from tajo.access import register, tokens
from tajo.access.joining import vault_of
from tajo.access.register import Register
from tajo.access.vault import new_key
from tajo.components import Components
from tajo.console import Bootstrap, Config, err, out, run, settings_of
from tajo.errors import AccessError, CannotOpen

token_app = typer.Typer(help="Tokens of the control API and the Python client.", no_args_is_help=True)
connections_app = typer.Typer(help="Stores connected by the control API.", no_args_is_help=True)


@token_app.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="For whom it is, such as webshop.")],
    config: Config = None,
    bootstrap_servers: Bootstrap = None,
) -> None:
    """Makes a token and prints it, this once: only a hash of it is kept."""

    async def work(made: Components) -> int:
        if any(token.name == name for token in (await _read(made)).tokens.values()):
            raise AccessError(f"There is a token named {name}: choose another name, or revoke that one first.")
        token, text = tokens.created(name, made.clock.now())
        await register.write(made.kafka, made.names, {token.key: msgspec.json.encode(token)})
        err.print(f"Token {token.id}, for {name}. It is not shown again; `tajo token revoke {token.id}` ends it.")
        typer.echo(text)
        return 0

    _work(work, config, bootstrap_servers)


@token_app.command("list")
def list_tokens(config: Config = None, bootstrap_servers: Bootstrap = None) -> None:
    """Shows who has a token: its id, its name, when it was made. Never the token."""

    async def work(made: Components) -> int:
        found = sorted((await _read(made)).tokens.values(), key=lambda token: token.created_at)
        for token in found:
            _print(f"{token.id}  {_day(token.created_at)}  {token.name}")
        return 0

    _work(work, config, bootstrap_servers)


@token_app.command("revoke")
def revoke_token(
    token: Annotated[str, typer.Argument(metavar="ID|NAME", help="As `list` shows it.")],
    config: Config = None,
    bootstrap_servers: Bootstrap = None,
) -> None:
    """Ends a token. A gateway that runs refuses it within seconds."""

    async def work(made: Components) -> int:
        one = _only(tokens.named((await _read(made)).tokens, token), token)
        await register.write(made.kafka, made.names, {one.key: None})
        _print(f"Token {one.id}, for {one.name}, is revoked.")
        return 0

    _work(work, config, bootstrap_servers)


@connections_app.command("list")
def list_connections(config: Config = None, bootstrap_servers: Bootstrap = None) -> None:
    """Shows the stores that the control API has connected, and whether their credentials can be opened."""

    async def work(made: Components) -> int:
        vault, code = vault_of(made.settings), 0
        for connection in (await _read(made)).connections.values():
            _print(f"{connection.store_hash}  {_day(connection.connected_at)}  {connection.name}")
            try:
                vault.open(connection)
            except CannotOpen as error:
                code = 1
                _print(f"  {error}")
        return code

    _work(work, config, bootstrap_servers)


@connections_app.command("remove")
def remove_connection(
    store_hash: Annotated[str, typer.Argument(help="As `list` shows it.")],
    config: Config = None,
    bootstrap_servers: Bootstrap = None,
) -> None:
    """Forgets a store's credentials. What was read of it stays in the tables and in Brevo."""

    async def work(made: Components) -> int:
        if store_hash not in (await _read(made)).connections:
            raise AccessError(f"No store {store_hash} was connected; `tajo connections list` shows which are.")
        await register.write(made.kafka, made.names, {key_of_store(store_hash): None})
        _print(f"The store {store_hash} is not connected any more.")
        return 0

    _work(work, config, bootstrap_servers)


@connections_app.command("rotate")
def rotate_connections(config: Config = None, bootstrap_servers: Bootstrap = None) -> None:
    """Encrypts all credentials with the first key of TAJO_ENCRYPTION_KEY; after that the others can be taken away."""

    async def work(made: Components) -> int:
        vault, failed, records = vault_of(made.settings), 0, {}
        for connection in (await _read(made)).connections.values():
            try:
                sealed = vault.seal(vault.open(connection))
            except CannotOpen as error:
                failed += 1
                _print(str(error))
                continue
            records[connection.key] = msgspec.json.encode(msgspec.structs.replace(connection, sealed=sealed))
        await register.write(made.kafka, made.names, records)
        _print(f"{len(records)} encrypted with the first key" + (f", {failed} not" if failed else "") + ".")
        return 1 if failed else 0

    _work(work, config, bootstrap_servers)


@connections_app.command("key")
def print_key() -> None:
    """Prints a new key for TAJO_ENCRYPTION_KEY."""
    typer.echo(new_key())


def _work(work: Callable[[Components], Coroutine[Any, Any, int]], config: Config, bootstrap: Bootstrap) -> None:
    async def reached() -> int:
        return await work(await running.reached(settings_of(config), bootstrap))

    run(reached, logging.CRITICAL)


async def _read(made: Components) -> Register:
    return await register.read(made.kafka, made.names)


def _only(found: list[Token], text: str) -> Token:
    if not found:
        raise AccessError(f"There is no token {text}; `tajo token list` shows which there are.")
    if len(found) > 1:
        raise AccessError(f"{len(found)} tokens are named {text}: name one by its id.")
    return found[0]


def _day(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _print(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)
