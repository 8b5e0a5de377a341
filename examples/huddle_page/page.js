// The page: a form, a list of people with their levels, and what a test may ask (`window.page`).

import { Chat } from './chat.js';
import { Huddle } from './huddle.js';
import { SPEAKING, Sound } from './sound.js';

const $ = (id) => document.getElementById(id);
const page = (window.page = { firstAudio: null, joined: null, huddle: null, log: [] });
let ownEar = null;
let wasSpeaking = false;

function log(text) {
  page.log.push(text);
  $('log').textContent = page.log.slice(-12).join('\n');
}

function inside(is) {
  for (const id of ['leave', 'mute', 'hand']) $(id).disabled = !is;
  $('join').disabled = is;
}

async function join(form) {
  const began = performance.now();
  page.firstAudio = page.joined = null;
  const sound = new Sound();
  const chat = new Chat();
  await chat.signIn(form.email, form.password);
  const { workspaces } = await chat.http('GET', '/api/workspaces');
  const workspace = workspaces.find(({ slug }) => slug === form.slug);
  const { channels } = await chat.http('GET', `/api/workspaces/${form.slug}/channels`);
  const channel = channels.find(({ name }) => name === form.channel);
  if (!workspace || !channel) throw new Error('There is no such workspace or channel.');
  const [track] = await Promise.all([
    form.source === 'microphone' ? sound.microphone() : sound.tone(Number(form.hertz)),
    chat.connect(workspace.id, () => page.huddle?.again().catch(() => {})),
  ]);
  const huddle = (page.huddle = new Huddle(chat, sound, track, { relay: form.relay === 'on', changed: show, log }));
  page.began = began;
  ownEar = sound.ear(track, true);
  await huddle.start(channel.id, form.mode);
  page.joined = performance.now() - began;
  inside(true);
  show();
}

function show() {
  const { huddle } = page;
  if (!huddle?.id) {
    inside(false);
    $('state').textContent = 'Not in a huddle.';
    $('people').replaceChildren();
    return;
  }
  const first = page.firstAudio === null ? '' : `, first audio after ${Math.round(page.firstAudio)} ms`;
  $('state').textContent = `${huddle.people.size} in it, by way of ${huddle.topology}${first}.`;
  $('people').replaceChildren(...[...huddle.people.values()].map(line));
}

function line({ userId, displayName, muted, handRaised }) {
  const item = document.createElement('li');
  item.dataset.user = userId;
  item.classList.toggle('speaking', page.huddle.speaking.includes(userId));
  const name = document.createElement('span');
  name.textContent = `${displayName}${muted ? ' (muted)' : ''}${handRaised ? ' (hand raised)' : ''}`;
  const meter = Object.assign(document.createElement('meter'), { min: -80, max: 0, value: -80 });
  const figures = document.createElement('span');
  item.append(name, meter, figures);
  return item;
}

// Ten times a second: levels, the first audio, and, in a mesh, whether we speak ourselves.
function measure() {
  const { huddle } = page;
  if (!huddle?.id) return;
  const heard = huddle.heard();
  if (page.firstAudio === null && heard.some(({ level }) => level > SPEAKING)) {
    page.firstAudio = performance.now() - page.began;
    show();
  }
  const own = { userId: huddle.chat.me.id, level: ownEar.level(), pitch: ownEar.pitch() };
  for (const { userId, level, pitch } of [own, ...heard]) {
    const item = userId && document.querySelector(`li[data-user="${userId}"]`);
    if (!item) continue;
    item.querySelector('meter').value = level;
    item.lastChild.textContent = level > -70 ? `${level.toFixed(0)} dB, ${pitch.toFixed(0)} Hz` : 'silent';
  }
  const speaking = own.level > SPEAKING && huddle.track.enabled;
  if (huddle.topology === 'mesh' && speaking !== wasSpeaking) {
    wasSpeaking = speaking;
    huddle.say({ speaking }).catch(() => {});
  }
}
setInterval(measure, 100);

$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  $('join').disabled = true;
  join(Object.fromEntries(new FormData($('form')))).catch((error) => {
    log(`It did not work: ${error.message}`);
    inside(false);
  });
});
$('leave').addEventListener('click', async () => {
  const { huddle } = page;
  await huddle.leave();
  huddle.chat.close();
});
$('mute').addEventListener('click', () => page.huddle.say({ muted: page.huddle.track.enabled }));
$('hand').addEventListener('click', () => {
  const me = page.huddle.people.get(page.huddle.chat.me.id);
  page.huddle.say({ handRaised: !me.handRaised });
});
for (const [name, value] of new URLSearchParams(location.search)) {
  const field = $('form').elements[name];
  if (field?.type === 'checkbox') field.checked = value === 'on';
  else if (field) field.value = value;
}
