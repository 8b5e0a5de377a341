// The server: signing in over HTTP, then frames over one socket, which comes back by itself.

export class Chat {
  constructor() {
    this.listeners = new Map();
    this.waiting = new Map();
    this.number = 0;
    this.closed = false;
    this.waited = 0; // milliseconds, for what the server was asked
  }

  async signIn(email, password) {
    const { accessToken, user } = await this.http('POST', '/api/auth/login', { email, password });
    this.token = accessToken;
    this.me = user;
  }

  async http(method, path, body) {
    const headers = { 'Content-Type': 'application/json' };
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    const asked = performance.now();
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const data = answer.status === 204 ? null : await answer.json();
    this.waited += performance.now() - asked;
    if (!answer.ok) throw Object.assign(new Error(data.error.message), { status: answer.status });
    return data;
  }

  // Opens the socket and joins the workspace. `again` is called each time that it has come back after a loss.
  async connect(workspaceId, again) {
    this.workspaceId = workspaceId;
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    this.socket = new WebSocket(`${scheme}//${location.host}/api/realtime`);
    this.socket.onmessage = (event) => this.receive(JSON.parse(event.data));
    await new Promise((resolve, reject) => {
      this.socket.onopen = resolve;
      this.socket.onerror = () => reject(new Error('the socket cannot be opened'));
    });
    this.socket.onclose = () => this.lost(again);
    await this.ask('join_workspace', { workspaceId, accessToken: this.token });
  }

  lost(again) {
    for (const { reject } of this.waiting.values()) reject(new Error('the socket was lost'));
    this.waiting.clear();
    if (this.closed) return;
    setTimeout(() => this.connect(this.workspaceId, again).then(again, () => this.lost(again)), 500 + 1000 * Math.random());
  }

  close() {
    this.closed = true;
    this.socket?.close();
  }

  ask(type, data) {
    const id = String(++this.number);
    const asked = performance.now();
    return new Promise((resolve, reject) => {
      const answered = (data) => {
        this.waited += performance.now() - asked;
        resolve(data);
      };
      this.waiting.set(id, { resolve: answered, reject });
      this.socket.send(JSON.stringify({ type, id, data }));
    });
  }

  on(type, listener) {
    this.listeners.set(type, listener);
  }

  receive(frame) {
    if (frame.type !== 'reply') return this.listeners.get(frame.type)?.(frame.data);
    const waiting = this.waiting.get(frame.id);
    this.waiting.delete(frame.id);
    if (frame.ok) waiting?.resolve(frame.data);
    else waiting?.reject(Object.assign(new Error(frame.error.message), frame.error));
  }
}
