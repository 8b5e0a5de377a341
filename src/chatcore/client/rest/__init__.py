"""The REST interface, one file per noun; the nouns and their verbs are those of `chatcore.Chat`.

    await client.channels.create("team", name="release-notes")

Every method raises the errors of `chatcore.errors`.
"""
