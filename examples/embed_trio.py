"""Chat inside a Trio program: two people, one question, an answer from a task that listens."""

import trio

from chatcore import Chat, open_chat
from chatcore.events import MessageReceived
from chatcore.model import Channel, User, Workspace


async def answer(
    chat: Chat, ben: User, team: Workspace, room: Channel, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Ben answers the first question that he hears."""
    async with chat.subscribe(ben, team) as events:
        task_status.started()
        async for event in events:
            if isinstance(event, MessageReceived) and event.message.content.endswith("?"):
                await chat.messages.send(room, author=ben, content="Yes.", thread_id=event.message.id)
                return


async def main() -> None:
    async with open_chat("memory:") as chat:
        ada = await chat.users.create(email="ada@example.org", display_name="Ada")
        ben = await chat.users.create(email="ben@example.org", display_name="Ben")
        team = await chat.workspaces.create(name="Team", slug="team", owner=ada)
        await chat.members.add(team, ben)
        room = await chat.channels.create(team, name="kitchen", actor=ada, members=[ben])
        async with trio.open_nursery() as nursery:
            await nursery.start(answer, chat, ben, team, room)
            question = await chat.messages.send(room, author=ada, content="Is there coffee?")
        thread = await chat.messages.thread(question, actor=ada)
        for message in (question, *thread.messages):
            print(f"{message.user.display_name}: {message.content}")


if __name__ == "__main__":
    trio.run(main)
