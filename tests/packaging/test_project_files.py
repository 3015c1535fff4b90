"""What lies around the code: Makefile, lock files, containers."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tajo.cli import app
from tajo.health import GROUPS
from tajo.kafka.jars import kafka_version
from tajo.kafka.properties import SHARED

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if name != "kafka"}


def _locked(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return {canonicalize_name(package): version for package, version in re.findall(r"^([\w.-]+)==([\w.]+)", text, re.M)}


def _requirements() -> list[Requirement]:
    """Of the program and of its development; groups of other tools are not asked."""
    return [Requirement(text) for text in [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]]


@pytest.mark.parametrize("requirement", _requirements(), ids=lambda requirement: requirement.name)
def test_every_requirement_has_both_bounds_and_is_locked_within_them(requirement: Requirement) -> None:
    operators = {specifier.operator for specifier in requirement.specifier}
    assert operators == {"=="} or operators == {">=", "<"}
    assert requirement.specifier.contains(_locked("requirements.lock")[canonicalize_name(requirement.name)])


def test_the_image_gets_the_versions_that_are_tested() -> None:
    tested, run = _locked("requirements.lock"), _locked("requirements-run.lock")
    assert run.items() <= tested.items()
    assert {canonicalize_name(Requirement(text).name) for text in PROJECT["project"]["dependencies"]} <= set(run)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-run.lock", "requirements-demo.lock"])
def test_every_locked_package_has_its_hashes(name: str) -> None:
    blocks = re.split(r"^(?=[\w.-]+==)", (ROOT / name).read_text(encoding="utf-8"), flags=re.M)[1:]
    assert blocks
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("service", sorted(OURS))
def test_the_command_of_every_service_is_one_of_the_command_line(service: str) -> None:
    command: Any = typer.main.get_command(app)
    for word in OURS[service]["command"]:
        assert word in command.commands
        command = command.commands[word]


def test_every_component_is_a_service_and_workers_can_be_scaled() -> None:
    assert set(OURS) == {"topics", "gateway", "enrich", "worker", "sink"}
    assert not {"container_name", "ports"} & set(SERVICES["worker"])
    assert all(volume.endswith(":ro") for volume in SERVICES["worker"]["volumes"]), "workers must not share a folder"


def test_components_start_after_the_topics_and_these_after_a_healthy_broker() -> None:
    assert OURS["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    for name in ("gateway", "enrich", "worker", "sink"):
        assert OURS[name]["depends_on"] == {"topics": {"condition": "service_completed_successfully"}}


def test_every_service_that_stays_has_a_health_check() -> None:
    for name in GROUPS:
        assert SERVICES[name]["healthcheck"]["test"] == ["CMD", "python", "-m", "tajo.health", name]
    assert "/readyz" in SERVICES["gateway"]["healthcheck"]["test"][-1]
    assert "healthcheck" in SERVICES["kafka"]


def test_the_broker_in_compose_is_that_of_the_tests_with_the_settings_the_program_counts_on() -> None:
    kafka = SERVICES["kafka"]
    assert kafka["image"] == f"apache/kafka:{kafka_version()}"
    needed = [
        key for key in SHARED if key.split(".")[0] in ("auto", "group", "message", "transaction") and "num" not in key
    ]
    assert len(needed) == 7
    for key in needed:
        assert kafka["environment"]["KAFKA_" + key.upper().replace(".", "_")] == SHARED[key]


def test_the_image_runs_as_a_user_without_rights_and_holds_every_package() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    last_stage = lines[max(place for place, line in enumerate(lines) if line.startswith("FROM")) :]
    assert "USER tajo" in last_stage
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for package in packages:
        assert f"COPY {package} {package}" in lines
        assert f"!{package}" in ignored


def test_continuous_integration_runs_lint_and_test_and_nothing_else() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("make")] == ["make lint", "make test"]
    assert [line for line in lines if not line.startswith(("#", "set", "cd", "make"))] == []


@pytest.mark.parametrize("target", ["demo", "test", "lint", "bench"])
def test_the_makefile_has_the_target_and_it_sets_up_what_it_needs(target: str) -> None:
    done = subprocess.run(["make", "-n", "-B", target], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "scripts/setup.sh python" in done.stdout


def test_the_setup_refuses_what_it_does_not_know() -> None:
    done = subprocess.run([ROOT / "scripts" / "setup.sh", "ruby"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "usage: scripts/setup.sh python|kafka" in done.stderr


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert PROJECT["project"]["license"] == "Apache-2.0"


def test_who_drives_no_owners_loads_no_faust() -> None:
    """A gateway's workers and most commands begin sooner without it, and are smaller."""
    code = "import sys, tajo.cli, tajo.running; print(sorted({'faust', 'aiohttp'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
