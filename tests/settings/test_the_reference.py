"""`.env.example` and docs/configuration.md say what the registry says."""

from pathlib import Path

import yaml

from tajo.settings import load
from tajo.settings.durations import parse_duration, parse_size, show_duration, show_size
from tajo.settings.fields import keys
from tajo.settings.reference import CONFIGURATION, ENV_EXAMPLE, configuration_page, env_example

CURE = "run: python -m tajo.settings.reference"


def test_the_generated_files_are_current() -> None:
    assert ENV_EXAMPLE.read_text(encoding="utf-8") == env_example(), CURE
    assert CONFIGURATION.read_text(encoding="utf-8") == configuration_page(), CURE


def test_both_name_every_key() -> None:
    page, example = configuration_page(), env_example()
    for key in keys():
        assert f"`{key.name}`" in page
        assert f"\n#{key.variable}=" in example


def test_the_defaults_of_the_example_are_what_applies_without_it() -> None:
    store = {"TAJO_CONNECTORS__BIGCOMMERCE__STORE_HASH": "h", "BREVO_API_KEY": "k"}
    store["TAJO_CONNECTORS__BIGCOMMERCE__ACCESS_TOKEN"] = "t"
    lines = (line[1:].split("=", 1) for line in env_example().splitlines() if line.startswith("#TAJO_"))
    defaults = {name: value for name, value in lines if value}
    assert len(defaults) > 20
    assert load(None, store | defaults) == load(None, store)


def test_the_file_on_the_page_is_read(tmp_path: Path) -> None:
    block = configuration_page().split("```yaml\n")[1].split("```")[0]
    (tmp_path / "tajo.yml").write_text(block, encoding="utf-8")
    settings = load(tmp_path / "tajo.yml", {"BREVO_API_KEY": "k"})
    assert settings.customer_mapping == yaml.safe_load(block)["customer_mapping"]
    assert settings.connected()[0].lists["buyers"] == "Buyers"


def test_spans_and_sizes_read_back_as_written() -> None:
    for text in ("30s", "5m", "1h", "7d", "90m"):
        assert show_duration(parse_duration(text)) == text
    for text in ("64KiB", "3MiB", "1GiB"):
        assert show_size(parse_size(text)) == text
