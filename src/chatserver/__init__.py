"""A chat on HTTP and WebSocket.

app          create_app, serve, run_server: where the parts meet
bootstrap    what an empty database gets
rest/        every endpoint, one file per resource: a table of routes
openapi  jsonschema     that table, told to clients
direct  tree a request's way to its route, past the web framework
edge         from there to a handler and back; asked: what came, and what goes out
route  parts  query  fields  problems  versions  headers     what the edge is made of
sessions  cookies  csrf  origins  client  ratelimit           who asks, and how often they may
gateway/     the same services over WebSocket
net/         the listener: one port for both
health  logs  meter  lag     for those who run it
"""
