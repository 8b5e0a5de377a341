// `ws` on a leash: each line on stdin is a command, each line on stdout is what happened.
import { createInterface } from "node:readline";
import WebSocket from "ws";

const [url, headers] = process.argv.slice(2);
const socket = new WebSocket(url, { headers: JSON.parse(headers) });
const tell = (event) => process.stdout.write(JSON.stringify(event) + "\n");

const commands = {
  send: (text) => socket.send(text),
  fragments: (parts) => parts.forEach((part, index) => socket.send(part, { fin: index === parts.length - 1 })),
  binary: (text) => socket.send(Buffer.from(text)),
  ping: (data) => socket.ping(data),
  close: ([code, reason]) => socket.close(code, reason),
};

socket.on("open", () => tell({ open: socket.extensions }));
socket.on("message", (data, isBinary) => tell({ [isBinary ? "binary" : "text"]: data.toString() }));
socket.on("pong", (data) => tell({ pong: data.toString() }));
socket.on("error", (error) => tell({ error: error.message }));
socket.on("close", (code, reason) => {
  tell({ closed: [code, reason.toString()] });
  process.exit(0);
});

createInterface({ input: process.stdin }).on("line", (line) => {
  for (const [name, argument] of Object.entries(JSON.parse(line))) commands[name](argument);
});
