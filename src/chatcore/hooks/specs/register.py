"""What a plugin contributes."""

from collections.abc import Iterable
from typing import Any

from chatcore.hooks.cli import CliCommand
from chatcore.hooks.commands import SlashCommand
from chatcore.hooks.context import HookContext
from chatcore.hooks.jobs import Job
from chatcore.hooks.markers import Kind, hookspec
from chatcore.hooks.metrics import Metric
from chatcore.hooks.routes import PluginRoute
from chatcore.ports.plugin_data import PluginMigration
from chatcore.ports.provider import Provider


@hookspec(kind=Kind.REGISTER)
def register_providers(ctx: HookContext) -> Iterable[Provider]:
    """Implementations of ports: storage, bus, presence, auth, token.

    ctx: the plugin's context.
    """
    raise NotImplementedError


@hookspec(kind=Kind.REGISTER)
def register_migrations(ctx: HookContext) -> Iterable[PluginMigration]:
    """The steps of tables of the plugin's own, numbered 1, 2, …; all that they make is named `<plugin>_…`.

    They are applied when a SQLite database is opened, and by `chatcore migrate up` for any other. Statements on the
    tables are run inside a transaction, by `tx.sql`.

    ctx: the plugin's context.
    """
    raise NotImplementedError


@hookspec(kind=Kind.REGISTER)
def register_hookspecs(ctx: HookContext) -> Iterable[Any]:
    """Hooks of the plugin's own, for other plugins: modules or classes with functions marked by `hookspec`.

    ctx: the plugin's context.
    """
    raise NotImplementedError


@hookspec(kind=Kind.REGISTER)
def register_jobs(ctx: HookContext) -> Iterable[Job]:
    """Work to be done again and again while the chat is open.

    ctx: the plugin's context.
    """
    raise NotImplementedError


@hookspec(kind=Kind.REGISTER)
def register_routes(ctx: HookContext) -> Iterable[PluginRoute]:
    """Endpoints below `/api/plugins/<name>`: authenticated, limited, validated, documented and answered like our own.

    A program that embeds a chat without a server never has them.

    ctx: the plugin's context.
    """
    raise NotImplementedError


@hookspec(kind=Kind.REGISTER)
def register_slash_commands(ctx: HookContext) -> Iterable[SlashCommand]:
    """Commands that people type as a message: `/remind me tomorrow`. Nothing is stored; the caller alone is answered.

    ctx: the plugin's context.
    """
    raise NotImplementedError


@hookspec(kind=Kind.REGISTER)
def register_cli(ctx: HookContext) -> Iterable[CliCommand]:
    """Commands for the operator: `chatcore plugins run NAME COMMAND`.

    ctx: the plugin's context.
    """
    raise NotImplementedError


@hookspec(kind=Kind.REGISTER)
def register_metrics(ctx: HookContext) -> Iterable[Metric]:
    """Figures for `/metrics`, beside those that are kept of every plugin (calls, failures, time, lag).

    ctx: the plugin's context.
    """
    raise NotImplementedError
