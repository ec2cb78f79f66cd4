import msgspec
import pytest

from stopper.core.reason import REASONS, Refusal
from stopper.data import load_providers
from stopper.meter.wires import WIRES

PROVIDERS = load_providers()


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_endpoint_has_its_wire(name: str) -> None:
    """The data name no format that does not exist."""
    assert {endpoint.wire for endpoint in PROVIDERS[name].endpoints} <= {None, *WIRES}


def test_every_wire_is_used() -> None:
    """A format that no provider speaks would be dead."""
    used = {endpoint.wire for p in PROVIDERS.values() for endpoint in p.endpoints}
    assert used - {None} == WIRES.keys()


def test_reasoning_is_counted_apart_where_the_data_say_so() -> None:
    """The provider's habit and its format agree."""
    apart = {
        provider.name
        for provider in PROVIDERS.values()
        if any(endpoint.wire == "openai.chat.xai" for endpoint in provider.endpoints)
    }
    assert apart == {provider.name for provider in PROVIDERS.values() if provider.reasoning_extra}


@pytest.mark.parametrize("name", WIRES)
def test_names_and_errors(name: str) -> None:
    """A wire is found by its own name, and says every refusal as a JSON object."""
    assert WIRES[name].name == name
    for code in REASONS:
        refusal = Refusal(code, "x")
        error = WIRES[name].error(refusal)
        assert isinstance(msgspec.json.decode(error), dict)
        assert msgspec.json.encode(refusal.sentence)[1:-1] in error
