// The stack that the specification names, doing what our server does for a message: prove the token, check the membership, store
// the message before it is acknowledged, deliver it to the channel's members.
//
// usage: node server.js < {"secret": …, "channelId": …, "people": [id …], "database": URL | null}
// Prints "ready PORT". Without a database it stores nothing.
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import express from 'express'
import jwt from 'jsonwebtoken'
import pg from 'pg'
import { Server } from 'socket.io'

const settings = JSON.parse(readFileSync(0, 'utf8'))
const members = new Set(settings.people)
const PAGE = 50

class Memory {
  async open() {}
  async insert(message) {
    return message
  }
  async page() {
    return []
  }
}

class Postgres {
  constructor(url) {
    this.pool = new pg.Pool({ connectionString: url, max: 10 })
  }

  async open() {
    await this.pool.query(`
      CREATE TABLE messages (
        id uuid PRIMARY KEY, channel_id uuid NOT NULL, user_id uuid NOT NULL, content text NOT NULL, temp_id text,
        created_at timestamptz NOT NULL DEFAULT now());
      CREATE INDEX idx_messages_channel_id ON messages (channel_id, created_at DESC)`)
  }

  async insert(message) {
    const found = await this.pool.query({
      name: 'insert',
      text: 'INSERT INTO messages (id, channel_id, user_id, content, temp_id) VALUES ($1, $2, $3, $4, $5) RETURNING created_at',
      values: [message.id, message.channelId, message.userId, message.content, message.tempId ?? null],
    })
    return { ...message, createdAt: found.rows[0].created_at }
  }

  async page(channelId) {
    const found = await this.pool.query({
      name: 'page',
      text: `SELECT id, channel_id AS "channelId", user_id AS "userId", content, created_at AS "createdAt"
             FROM messages WHERE channel_id = $1 ORDER BY created_at DESC LIMIT ${PAGE}`,
      values: [channelId],
    })
    return found.rows
  }
}

const store = settings.database ? new Postgres(settings.database) : new Memory()

function userOf(token) {
  const user = jwt.verify(token, settings.secret, { algorithms: ['HS256'] }).sub
  if (!members.has(user)) throw new Error('no member')
  return user
}

async function post(userId, { channelId, content, tempId }) {
  if (channelId !== settings.channelId || !members.has(userId)) throw new Error('no such channel')
  if (typeof content !== 'string' || content.length < 1 || content.length > 4000) throw new Error('bad content')
  const message = { id: randomUUID(), channelId, userId, content, tempId, createdAt: new Date() }
  const stored = await store.insert(message)
  const shown = { ...stored, user: { displayName: 'Person' } }
  io.to(channelId).emit('message_received', { message: shown })
  return shown
}

const app = express()
app.use(express.json())
const signedIn = (request, response, next) => {
  try {
    request.userId = userOf((request.get('authorization') ?? '').slice('Bearer '.length))
    next()
  } catch {
    response.status(401).json({ error: { code: 'UNAUTHORIZED' } })
  }
}
app.post('/api/channels/:channelId/messages', signedIn, async (request, response) => {
  response.status(201).json(await post(request.userId, { ...request.body, channelId: request.params.channelId }))
})
app.get('/api/channels/:channelId/messages', signedIn, async (request, response) => {
  response.json({ messages: await store.page(request.params.channelId) })
})

const server = createServer(app)
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false })
io.use((socket, next) => {
  try {
    socket.data.userId = userOf(socket.handshake.auth.token)
    next()
  } catch (error) {
    next(error)
  }
})
io.on('connection', (socket) => {
  socket.join(settings.channelId)
  socket.on('send_message', async (data, acknowledge) => {
    try {
      const message = await post(socket.data.userId, data)
      acknowledge?.({ ok: true, message })
    } catch (error) {
      acknowledge?.({ ok: false, error: error.message })
    }
  })
})

await store.open()
server.listen(0, '127.0.0.1', 4096, () => console.log(`ready ${server.address().port}`))
