"""Writes what the registry says as `.env.example` and docs/configuration.md: `python -m tajo.settings.reference`.

A test compares the two files with the registry.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from tajo.settings.fields import OTHER_VARIABLES, Key, keys
from tajo.settings.model import DOCUMENTED_MAPPING

ROOT: Final = Path(__file__).parents[2]
ENV_EXAMPLE: Final = ROOT / ".env.example"
CONFIGURATION: Final = ROOT / "docs" / "configuration.md"

_ENV_HEAD: Final = """\
# Every setting as an environment variable, made from the registry (tajo/settings/model.py) by
# `python -m tajo.settings.reference`. Copy it to .env, which docker compose reads, and remove the # of what you set.
# A variable goes before the file. Lists and blocks are YAML in its short form: [1h, 24h], {EUR: 1.08}.
# A secret can lie in a file instead: TAJO_BREVO__API_KEY_FILE=/run/secrets/brevo.
"""

_PAGE_HEAD: Final = """\
# Configuration

Made from the registry (`tajo/settings/model.py`) by `python -m tajo.settings.reference`; a test compares.

`tajo up -c tajo.yml` reads a YAML file. Every key is also an environment variable, which goes before the file: `TAJO_`,
the key in capitals, `__` between the levels. Lists and blocks are then YAML in its short form (`[1h, 24h]`,
`{EUR: 1.08}`), keys of a store have its place in the list (`TAJO_STORES__0__ACCESS_TOKEN`), and a secret can lie in a
file that `<variable>_FILE` names. Without a file the environment alone is read.

- Durations are written `30s`, `5m`, `1h`, `7d`; sizes `64KiB`, `256MiB`, `1GiB`.
- `sync`, `lists`, `customer_mapping` and `webhooks` may stand at the top level, or under `connectors.bigcommerce`.
- What is wrong is told before anything starts, all of it at once: file and line or variable, key, value found, cure.
  The exit code is 2.
- Secrets are never shown, neither in errors nor in logs.

A whole file for one store; only `brevo.api_key` is missing, which comes from `BREVO_API_KEY`:

```yaml
connectors:
  bigcommerce:
    store_hash: "your-store-hash"
    access_token: "your-access-token"
    client_id: "your-client-id"
    client_secret: "your-client-secret"
public_url: https://hooks.example.com
lists: {all_customers: 40, buyers: Buyers, abandoned_cart: 42}
customer_mapping:
%s
webhooks:
  - {scope: store/order/updated, destination: order_updated}
```

An id names a list that exists; a name makes one. The mapping above is the default. Paths are JMESPath over a customer
as BigCommerce documents it, with its attributes by name and its group, for example
`form_fields[?name=='Birthday'].value | [0]`, `attributes.loyalty_tier` or `customer_group.name`; `orders_count` and
`total_spent` are computed.
"""

_TITLES: Final = {
    "connectors": "One store",
    "stores": "Several stores",
    "sync": "What is synchronised",
    "lists": "Lists at Brevo",
    "kafka": "Kafka",
    "gateway": "Gateway",
    "brevo": "Brevo",
    "bigcommerce": "BigCommerce",
    "carts": "Abandoned carts",
    "orders": "Orders",
    "consent": "Consent",
    "sink": "Sending",
    "reconcile": "Reconcile",
}


def env_example() -> str:
    """The text of `.env.example`: all variables, commented out, with their defaults."""
    blocks = [_ENV_HEAD]
    for _title, group in _groups():
        blocks.append("".join(f"\n# {key.sentence}\n#{key.variable}={_env_value(key)}\n" for key in group))
    blocks.append("".join(f"\n# {sentence}\n#{name}=\n" for name, sentence in OTHER_VARIABLES.items()))
    return "".join(blocks)


def configuration_page() -> str:
    """The text of docs/configuration.md: a table for each block."""
    mapping = "\n".join(f"  {path}: {attribute}" for path, attribute in DOCUMENTED_MAPPING.items())
    parts = [_PAGE_HEAD.replace("%s", mapping)]
    for title, group in _groups():
        parts.append(f"\n## {title}\n\n| key | value | default | meaning |\n|---|---|---|---|\n")
        parts += [_row(key) for key in group]
    parts.append("\n## Further variables\n\n| variable | meaning |\n|---|---|\n")
    parts += [f"| `{name}` | {sentence} |\n" for name, sentence in OTHER_VARIABLES.items()]
    return "".join(parts)


def _groups() -> Iterator[tuple[str, list[Key]]]:
    """Neighbouring keys of one block; single keys at the top level come together as `General`."""
    named = groupby(keys(), key=lambda key: _TITLES.get(key.path[0]) or "General")
    together: dict[str, list[Key]] = {}
    for title, group in named:
        together.setdefault(title, []).extend(group)
    yield from together.items()


def _row(key: Key) -> str:
    default = "the mapping above" if key.name == "customer_mapping" else f"`{key.default}`" if key.default else ""
    return f"| `{key.name}`<br>`{key.variable}` | {key.kind} | {default} | {key.sentence} |\n"


def _env_value(key: Key) -> str:
    return key.default if len(key.default) < 60 and key.default not in ("[]", "{}") else ""


def main() -> None:
    ENV_EXAMPLE.write_text(env_example(), encoding="utf-8")
    CONFIGURATION.write_text(configuration_page(), encoding="utf-8")
    print(f"{ENV_EXAMPLE.name} and {CONFIGURATION.relative_to(ROOT)} are written")


if __name__ == "__main__":
    main()
