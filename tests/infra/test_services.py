import tomllib
from pathlib import Path

import pytest

from infra import secrets, tls
from infra.folder import Folder
from infra.kafka import Kafka
from infra.postgres import Postgres
from infra.services import SERVICES, Service, ServicePart
from services.gateway.app import GatewayConfig
from services.kernel.config import DatabaseConfig, ServiceConfig, load
from services.kernel.errors import Invalid
from services.sharing.app import SharingConfig
from services.sharing.relay import RelayConfig

PORTS = {"registry": 20001, "controls": 20002, "sharing": 20003, "gateway": 20011, "provider": 20012}
METRICS_PORTS = {"registry_metrics": 20007, "controls_metrics": 20008, "sharing_metrics": 20009, "relay_metrics": 20010}
MODELS: dict[str, type[DatabaseConfig]] = {
    "registry": ServiceConfig,
    "controls": ServiceConfig,
    "sharing": SharingConfig,
    "relay": RelayConfig,
    "gateway": GatewayConfig,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    made = Folder(tmp_path_factory.mktemp("data"))
    tls.arrange(made)
    secrets.arrange(made)
    for service in SERVICES:
        ServicePart(service, made, PORTS | METRICS_PORTS, Postgres(made, 20004), Kafka(made, 20005, 20006)).write_config()
    return made


def files_in(document: dict[str, object]) -> list[str]:
    inner = [path for value in document.values() if isinstance(value, dict) for path in files_in(value)]
    return inner + [str(value) for name, value in document.items() if name.endswith("_file")]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_service_understands_its_configuration_and_finds_every_file_in_it(folder: Folder, service: Service) -> None:
    path = folder.config / f"{service.name}.toml"
    config = load(path, MODELS[service.name])
    assert config.database_url == f"postgresql://{service.role}@127.0.0.1:20004/los"
    port = METRICS_PORTS.get(f"{service.name}_metrics")
    assert config.metrics_listen == (f"127.0.0.1:{port}" if service.measured else None)
    files = files_in(tomllib.loads(path.read_text()))
    assert files
    for name in files:
        assert Path(name).is_absolute()
        assert Path(name).is_file()


def test_a_service_has_its_own_certificate_keys_and_address(folder: Folder) -> None:
    config = load(folder.config / "controls.toml", ServiceConfig)
    assert config.environment == "local"
    assert config.listen == "127.0.0.1:20002"
    assert config.tls.certificate_file.name == "controls.crt"
    assert config.vault.key_file.name == "vault-controls.key"
    assert config.peers == {name: f"127.0.0.1:{port}" for name, port in PORTS.items() if name in {"registry", "controls", "sharing"}}
    assert config.callers.services == {"cli", "gateway"}


def test_the_relay_has_sharings_database_role_and_a_principal_of_its_own(folder: Folder) -> None:
    config = load(folder.config / "relay.toml", RelayConfig)
    assert config.database_password_file == folder.password_file("postgres-sharing")
    assert config.kafka.username == "relay"
    assert config.kafka.bootstrap_servers == "127.0.0.1:20005"


def test_the_gateway_that_takes_less_than_the_profile_does_not_start_in_production(folder: Folder, tmp_path: Path) -> None:
    local = (folder.config / "gateway.toml").read_text()
    file = tmp_path / "gateway.toml"
    file.write_text(local.replace('environment = "local"', 'environment = "production"'))

    with pytest.raises(Invalid):
        load(file, GatewayConfig)
