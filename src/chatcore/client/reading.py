"""A workspace read afresh, for a state that then follows the events."""

from chatcore.client.answers import ChannelItem
from chatcore.client.api import Api
from chatcore.client.rest.channels import Channels
from chatcore.client.rest.members import Members
from chatcore.client.rest.workspaces import Workspaces
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import PresenceStatus
from chatcore.state import ChannelState, State


async def read_state(api: Api, user_id: UserId, slug: str) -> State:
    """The state as of one place in the event log; the messages and members of the channels are not loaded.

    The channels come first, and with them the place: what events say of the rest may be heard twice without harm, but
    a count that is counted on must be exact.
    """
    listing = await Channels(api).listing(slug)
    view = await Workspaces(api).get(slug)
    members = {card.user_id: card async for card in Members(api).list(slug)}
    presence = {one.user_id: one.status for one in await Members(api).presence(slug)}
    return State(
        user_id=user_id,
        workspace=view.workspace,
        seq=listing.seq,
        members=members,
        channels={item.id: channel_state(item, view.id) for item in listing.channels},
        presence={id_: status for id_, status in presence.items() if status is not PresenceStatus.OFFLINE},
    )


def channel_state(item: ChannelItem, workspace_id: WorkspaceId) -> ChannelState:
    """A channel as the list shows it."""
    return ChannelState(
        channel=item.channel(workspace_id),
        joined=item.joined,
        read_seq=item.read_seq,
        unread_count=item.unread_count,
        mention_count=item.mention_count,
        huddle_known=not item.is_huddle_active,
    )
