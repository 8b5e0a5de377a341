// A huddle: one connection to each device of the others (mesh), or one to the server (sfu).

import { SOURCES, STATE, addVideos, addViews, takeVideos, wishes } from './videos.js';

const SLOTS = 3; // others that are heard at once through the server
const GATHERING_MS = 1000; // how long candidates are waited for, where none can follow
const SWITCH_MS = 4000; // how long the server carries on for us when media goes from peer to peer

export class Huddle {
  constructor(chat, sound, track, { relay = false, changed = () => {}, log = () => {} } = {}) {
    Object.assign(this, { chat, sound, track, relay, changed, log });
    this.deviceId = crypto.randomUUID();
    this.peers = new Map(); // `userId/deviceId` -> {pc, ears, videos, userId, deviceId}
    this.server = null; // {pc, ears: mid -> ear, videos, views}
    this.own = { camera: null, screen: null }; // tracks
    this.unwanted = new Set(); // `userId/source` of what one does not want to see
    this.wishes = []; // {userId, source}
    this.people = new Map();
    this.slots = new Map(); // mid -> userId
    this.speaking = [];
    this.connecting = 0; // milliseconds, from the server's answer to a connection with it
    chat.on('huddle_signal', (data) => this.signalled(data).catch((error) => this.log(`signal: ${error}`)));
    chat.on('huddle_user_joined', ({ huddleId, user }) => this.mine(huddleId) && this.person(user));
    chat.on('huddle_user_updated', ({ huddleId, user }) => this.mine(huddleId) && this.person(user));
    chat.on('huddle_user_left', ({ huddleId, userId }) => this.mine(huddleId) && this.gone(userId));
    chat.on('huddle_speaking', (data) => this.mine(data.huddleId) && this.spoken(data));
    chat.on('huddle_updated', ({ huddle }) => this.mine(huddle.id) && this.updated(huddle));
    chat.on('huddle_rejoin', (data) => this.mine(data.huddleId) && this.lostMedia(data));
    chat.on('huddle_ended', ({ huddleId }) => this.mine(huddleId) && this.leave(false));
  }

  throughServer() {
    return this.topology === 'sfu' && this.server !== null;
  }

  mine(huddleId) {
    return huddleId === this.id;
  }

  async start(channelId, mode) {
    let active = await this.chat.http('GET', `/api/channels/${channelId}/huddles/active`).catch((error) => {
      if (error.status === 404) return null;
      throw error;
    });
    if (!active) {
      const begin = { channelId, mode, deviceId: this.deviceId };
      active = await this.chat.ask('start_huddle', begin).then(
        ({ huddle }) => huddle,
        ({ details }) => ({ id: details.huddleId, topology: 'mesh' }), // somebody was quicker
      );
    }
    this.id = active.id;
    await this.again(active.topology);
  }

  // Joins, or joins again; with an offer when media is expected to go through the server.
  async join(expected) {
    const connection = expected === 'sfu' ? await this.offer() : null;
    const joined = await this.chat.ask('join_huddle', {
      huddleId: this.id,
      deviceId: this.deviceId,
      ...(connection && {
        offer: { type: 'offer', sdp: connection.pc.localDescription.sdp },
        sources: SOURCES.map((source) => ({ mid: connection.videos[source].mid, source })),
      }),
    });
    this.iceServers = joined.iceServers;
    this.people = new Map(joined.participants.map((user) => [user.userId, user]));
    const { topology } = joined.huddle;
    if (topology === 'sfu' && !joined.answer) return this.join('sfu');
    this.topology = topology;
    if (joined.answer) await this.answered(connection, joined.answer);
    else {
      connection?.pc.close();
      this.callEverybody(joined.devices);
      this.choose(true);
      if (this.server) await this.meshed(joined.devices);
      this.closeServer();
    }
  }

  configuration() {
    const servers = (this.iceServers ?? []).filter(({ urls }) => !this.relay || urls.includes('transport=tcp'));
    return { iceServers: servers, iceTransportPolicy: this.relay ? 'relay' : 'all', bundlePolicy: 'max-bundle' };
  }

  async prepare() {
    this.iceServers ??= (await this.chat.http('GET', '/api/ice-servers')).iceServers;
  }

  // --- through the server -------------------------------------------------------------------------------------------

  async offer() {
    await this.prepare();
    const pc = new RTCPeerConnection(this.configuration());
    const connection = { pc, ears: new Map() };
    pc.addTransceiver(this.track, { direction: 'sendonly' });
    for (let slot = 0; slot < SLOTS; slot++) pc.addTransceiver('audio', { direction: 'recvonly' });
    pc.ontrack = ({ track, transceiver }) =>
      track.kind === 'audio' && connection.ears.set(transceiver.mid, this.sound.ear(track));
    connection.videos = addVideos(pc, 'sendonly');
    connection.views = addViews(pc);
    for (const { receiver } of connection.views) receiver.track.onunmute = this.changed;
    await pc.setLocalDescription();
    await gathered(pc);
    return connection;
  }

  async answered(connection, answer) {
    await connection.pc.setRemoteDescription(answer);
    const old = this.server;
    this.server = connection;
    this.fill(connection);
    this.choose(true);
    const began = performance.now();
    await connected(connection.pc);
    this.connecting = performance.now() - began;
    // What carried the voices until now goes only when this does.
    close(old);
    for (const peer of this.peers.values()) close(peer);
    this.peers.clear();
    this.log('media goes through the server');
  }

  closeServer() {
    close(this.server);
    this.server = null;
    this.slots.clear();
  }

  spoken({ speaking, slots }) {
    this.speaking = speaking;
    const mine = slots.filter((slot) => slot.deviceId === this.deviceId);
    if (this.server) this.slots = new Map(mine.map(({ mid, userId }) => [mid, userId]));
    this.changed();
  }

  // --- from peer to peer --------------------------------------------------------------------------------------------

  // Nothing waits for it: what is asked of a connection that is closed meanwhile, because the other one called too, is
  // never answered.
  callEverybody(devices) {
    for (const { userId, deviceIds } of devices)
      for (const deviceId of deviceIds)
        if (deviceId !== this.deviceId && !this.peers.has(`${userId}/${deviceId}`))
          this.call(userId, deviceId).catch((error) => this.log(`call: ${error.message}`));
  }

  // Until everybody else is connected with us, or has had the time.
  async meshed(devices) {
    const others = devices.flatMap(({ userId, deviceIds }) => deviceIds.map((each) => `${userId}/${each}`));
    const ready = (key) => key.endsWith(this.deviceId) || this.peers.get(key)?.pc.connectionState === 'connected';
    for (const end = performance.now() + SWITCH_MS; performance.now() < end && !others.every(ready); )
      await new Promise((resolve) => setTimeout(resolve, 50));
  }

  peer(userId, deviceId) {
    const key = `${userId}/${deviceId}`;
    close(this.peers.get(key));
    const pc = new RTCPeerConnection(this.configuration());
    const peer = { pc, ears: new Map(), videos: null, wanted: SOURCES, userId, deviceId, early: [] };
    this.peers.set(key, peer);
    pc.addTrack(this.track);
    pc.ontrack = ({ track }) => {
      if (track.kind === 'audio') peer.ears.set('audio', this.sound.ear(track));
      else track.onunmute = this.changed;
      this.changed();
    };
    // What the other one wants to see of us comes by a channel of its own.
    peer.channel = pc.createDataChannel('wants', { negotiated: true, id: 0 });
    peer.channel.onopen = () => this.tellWishes(peer);
    peer.channel.onmessage = ({ data }) => {
      peer.wanted = JSON.parse(data);
      this.fill(peer);
    };
    pc.onicecandidate = ({ candidate }) =>
      candidate && this.signal(peer, 'ice-candidate', candidate.toJSON()).catch(() => {});
    pc.onconnectionstatechange = () => {
      this.log(`${this.people.get(userId)?.displayName ?? userId}: ${pc.connectionState}`);
      if (pc.connectionState === 'failed' && this.peers.get(key) === peer) this.call(userId, deviceId).catch(() => {});
    };
    return peer;
  }

  async call(userId, deviceId) {
    const peer = this.peer(userId, deviceId);
    peer.videos = addVideos(peer.pc, 'sendrecv');
    this.fill(peer);
    await peer.pc.setLocalDescription();
    await this.signal(peer, 'offer', peer.pc.localDescription.toJSON());
  }

  signal({ userId, deviceId }, type, data) {
    const signal = { type, data, targetUserId: userId, targetDeviceId: deviceId };
    return this.chat.ask('huddle_signal', { huddleId: this.id, deviceId: this.deviceId, signal });
  }

  async signalled({ huddleId, fromUserId, fromDeviceId, toDeviceId, signal }) {
    if (huddleId !== this.id || toDeviceId !== this.deviceId) return;
    let peer = this.peers.get(`${fromUserId}/${fromDeviceId}`);
    if (signal.type === 'offer') {
      await this.prepare();
      // Both called at once: the call of the greater name stands.
      if (peer?.pc.signalingState === 'have-local-offer' && this.deviceId > fromDeviceId) return;
      peer = this.peer(fromUserId, fromDeviceId);
      await peer.pc.setRemoteDescription(signal.data);
      peer.videos = takeVideos(peer.pc);
      this.fill(peer);
      await peer.pc.setLocalDescription();
      await this.signal(peer, 'answer', peer.pc.localDescription.toJSON());
    } else if (signal.type === 'answer') {
      if (peer?.pc.signalingState === 'have-local-offer') await peer.pc.setRemoteDescription(signal.data);
    } else if (peer && !peer.pc.remoteDescription) {
      peer.early.push(signal.data);
      return;
    } else {
      await peer?.pc.addIceCandidate(signal.data);
      return;
    }
    for (const candidate of peer?.early.splice(0) ?? []) await peer.pc.addIceCandidate(candidate);
  }

  // --- pictures -----------------------------------------------------------------------------------------------------

  // Shows a track from now on, or nothing (null).
  async show(source, track) {
    this.own[source]?.stop();
    this.own[source] = track;
    if (track) track.onended = () => this.show(source, null).catch(() => {}); // the browser's own button
    for (const connection of this.connections()) this.fill(connection);
    await this.say({ [STATE[source]]: track !== null });
  }

  connections() {
    return this.server ? [...this.peers.values(), this.server] : [...this.peers.values()];
  }

  // Nothing is sent that the other end does not want; the server chooses for itself.
  fill({ videos, wanted = SOURCES }) {
    for (const [source, { sender }] of Object.entries(videos ?? {}))
      sender.replaceTrack(wanted.includes(source) ? this.own[source] : null).catch(() => {}); // closed meanwhile
  }

  wants(userId, source, is) {
    this.unwanted[is ? 'delete' : 'add'](`${userId}/${source}`);
    this.choose();
  }

  // Who shows what, or who wants what, has changed.
  choose(anew = false) {
    const chosen = wishes([...this.people.values()], this.chat.me.id, this.unwanted);
    if (anew || JSON.stringify(chosen) !== JSON.stringify(this.wishes)) {
      this.wishes = chosen;
      for (const peer of this.peers.values()) this.tellWishes(peer);
      if (this.throughServer())
        this.chat
          .ask('huddle_wants', { huddleId: this.id, deviceId: this.deviceId, videos: chosen })
          .catch((error) => this.log(`wants: ${error.message}`));
    }
    this.changed();
  }

  tellWishes({ channel, userId }) {
    const mine = this.wishes.filter((wish) => wish.userId === userId).map(({ source }) => source);
    if (channel.readyState === 'open') channel.send(JSON.stringify(mine));
  }

  // The pictures that come: {userId, source, track}.
  seen() {
    const tracks = ({ userId, source }, index) =>
      this.throughServer()
        ? [this.server.views[index].receiver.track]
        : [...this.peers.values()]
            .filter((peer) => peer.userId === userId && peer.videos)
            .map(({ videos }) => videos[source].receiver.track);
    return this.wishes
      .map((wish, index) => ({ ...wish, track: tracks(wish, index).find(({ muted }) => !muted) }))
      .filter(({ track }) => track);
  }

  // --- what happens -------------------------------------------------------------------------------------------------

  person(user) {
    this.people.set(user.userId, user);
    this.choose();
  }

  gone(userId) {
    if (userId === this.chat.me.id) return this.leave(false);
    this.people.delete(userId);
    for (const [key, peer] of this.peers)
      if (peer.userId === userId) {
        close(peer);
        this.peers.delete(key);
      }
    this.choose();
  }

  updated({ topology }) {
    if (topology !== this.topology) this.again(topology).catch(() => {});
  }

  lostMedia({ userId, deviceId, reason }) {
    if (userId && (userId !== this.chat.me.id || deviceId !== this.deviceId)) return;
    this.log(`join again: ${reason}`);
    this.again('sfu').catch(() => {});
  }

  // Joins, again and again while the server asks for patience: at first, and after a loss of media or of the socket.
  async again(expected = this.topology) {
    for (let pause = 250; this.id; pause = Math.min(2 * pause, 4000)) {
      try {
        return await this.join(expected);
      } catch (error) {
        this.log(`not yet: ${error.message}`);
        if (error.code && error.code !== 'SERVICE_UNAVAILABLE') {
          this.leave(false);
          throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }

  async say(state) {
    const { participant } = await this.chat.ask('huddle_state', { huddleId: this.id, ...state });
    if ('muted' in state) this.track.enabled = !state.muted;
    this.person(participant);
  }

  // Everybody who is heard now: {userId, level (dB), pitch (Hz)}.
  heard() {
    const found = [];
    for (const { userId, ears } of this.peers.values())
      for (const ear of ears.values()) found.push({ userId, level: ear.level(), pitch: ear.pitch() });
    for (const [mid, ear] of this.server?.ears ?? [])
      found.push({ userId: this.slots.get(mid) ?? null, level: ear.level(), pitch: ear.pitch() });
    return found;
  }

  async leave(tell = true) {
    const { id } = this;
    this.id = null;
    for (const source of SOURCES) {
      this.own[source]?.stop();
      this.own[source] = null;
    }
    this.wishes = [];
    this.closeServer();
    for (const peer of this.peers.values()) close(peer);
    this.peers.clear();
    this.people.clear();
    if (tell && id) await this.chat.ask('leave_huddle', { huddleId: id, deviceId: this.deviceId });
    this.changed();
  }
}

function close(connection) {
  if (!connection) return;
  connection.pc.onconnectionstatechange = null;
  connection.pc.close();
  for (const ear of connection.ears.values()) ear.close();
}

function gathered(pc) {
  return new Promise((resolve) => {
    if (pc.iceGatheringState === 'complete') return resolve();
    pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && resolve();
    setTimeout(resolve, GATHERING_MS);
  });
}

function connected(pc) {
  return new Promise((resolve) => {
    if (pc.connectionState === 'connected') return resolve();
    pc.addEventListener('connectionstatechange', () => pc.connectionState !== 'connecting' && resolve());
    setTimeout(resolve, 5000);
  });
}
