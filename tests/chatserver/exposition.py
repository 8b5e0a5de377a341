"""The text of `/metrics`, read back by Prometheus' own parser."""

from typing import Any

from prometheus_client.parser import text_string_to_metric_families


def families(text: str) -> dict[str, Any]:
    """Name -> the family, with its type and samples."""
    return {family.name: family for family in text_string_to_metric_families(text)}
