"""How figures are printed: aligned columns, each line as soon as it is known."""

from benchmarks.figure import Figure, rounded

_NAME, _VALUE, _UNIT, _TARGET = 58, 12, 14, 12


def header() -> str:
    """The line above the figures."""
    return _line("benchmark", "figure", "unit", "target", "verdict") + "\n" + "─" * 108


def line(figure: Figure) -> str:
    """One figure."""
    value = "–" if figure.value is None else rounded(figure.value)
    target = "" if figure.target is None else str(figure.target)
    verdict = "  ".join(part for part in (figure.verdict, figure.note) if part)
    return _line(figure.name, value, figure.unit, target, verdict)


def _line(name: str, value: str, unit: str, target: str, verdict: str) -> str:
    return f"{name:<{_NAME}}{value:>{_VALUE}} {unit:<{_UNIT}}{target:<{_TARGET}}{verdict}".rstrip()
