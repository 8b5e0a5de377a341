// The page: a form, a list of people with their levels, and what a test may ask (`window.page`).

import { Chat } from './chat.js';
import { Huddle } from './huddle.js';
import { SPEAKING, Sound } from './sound.js';
import { SOURCES, STATE, camera, screen, testCard } from './videos.js';

const $ = (id) => document.getElementById(id);
const page = (window.page = { firstAudio: null, joined: null, share: null, huddle: null, log: [] });
let ownEar = null;
let wasSpeaking = false;

function log(text) {
  page.log.push(text);
  $('log').textContent = page.log.slice(-12).join('\n');
}

function inside(is) {
  for (const id of ['leave', 'mute', 'camera', 'screen', 'hand']) $(id).disabled = !is;
  $('join').disabled = is;
}

async function join(form) {
  const began = performance.now();
  page.firstAudio = page.joined = null;
  const sound = new Sound();
  const chat = new Chat();
  await chat.signIn(form.email, form.password);
  const signingIn = chat.waited;
  const { workspaces } = await chat.http('GET', '/api/workspaces');
  const workspace = workspaces.find(({ slug }) => slug === form.slug);
  const { channels } = await chat.http('GET', `/api/workspaces/${form.slug}/channels`);
  const channel = channels.find(({ name }) => name === form.channel);
  if (!workspace || !channel) throw new Error('There is no such workspace or channel.');
  const [track] = await Promise.all([
    form.source === 'microphone' ? sound.microphone() : sound.tone(Number(form.hertz)),
    chat.connect(workspace.id, () => page.huddle?.again().catch(() => {})),
  ]);
  page.form = form;
  const huddle = (page.huddle = new Huddle(chat, sound, track, { relay: form.relay === 'on', changed: show, log }));
  page.began = began;
  ownEar = sound.ear(track, true);
  await huddle.start(channel.id, form.mode);
  page.joined = performance.now() - began;
  page.share = { signingIn, joining: chat.waited - signingIn, connecting: huddle.connecting }; // what the server took
  inside(true);
  show();
}

function show() {
  const { huddle } = page;
  if (!huddle?.id) {
    inside(false);
    $('state').textContent = 'Not in a huddle.';
    $('people').replaceChildren();
    showVideos([]);
    return;
  }
  const first = page.firstAudio === null ? '' : `, first audio after ${Math.round(page.firstAudio)} ms`;
  $('state').textContent = `${huddle.people.size} in it, by way of ${huddle.topology}${first}.`;
  $('people').replaceChildren(...[...huddle.people.values()].map(line));
  const own = SOURCES.filter((source) => huddle.own[source]);
  for (const source of SOURCES) $(source).setAttribute('aria-pressed', own.includes(source));
  showVideos([...own.map((source) => ({ userId: huddle.chat.me.id, source, track: huddle.own[source] })), ...huddle.seen()]);
}

function line(person) {
  const { userId, displayName, muted, handRaised } = person;
  const { huddle } = page;
  const item = document.createElement('li');
  item.dataset.user = userId;
  item.classList.toggle('speaking', huddle.speaking.includes(userId));
  const ring = Object.assign(document.createElement('span'), { className: 'ring', textContent: displayName.at(0) });
  const name = document.createElement('span');
  name.textContent = `${displayName}${muted ? ' (muted)' : ''}${handRaised ? ' (hand raised)' : ''}`;
  const meter = Object.assign(document.createElement('meter'), { min: -80, max: 0, value: -80 });
  const figures = Object.assign(document.createElement('span'), { className: 'figures' });
  const choices = document.createElement('span');
  if (userId !== huddle.chat.me.id) choices.append(...SOURCES.filter((source) => person[STATE[source]]).map(choice));
  item.append(ring, name, meter, figures, choices);
  return item;

  function choice(source) {
    const label = document.createElement('label');
    const box = Object.assign(document.createElement('input'), { type: 'checkbox', name: `${userId}/${source}` });
    box.checked = !huddle.unwanted.has(box.name);
    box.onchange = () => huddle.wants(userId, source, box.checked);
    label.append(box, source);
    return label;
  }
}

// One tile for each picture. Those that stay are left alone: a video that is put elsewhere begins anew.
function showVideos(videos) {
  const key = ({ userId, source }) => `${userId}/${source}`;
  const wanted = new Set(videos.map(key));
  for (const tile of [...$('videos').children]) if (!wanted.has(tile.dataset.key)) tile.remove();
  for (const video of videos) {
    let tile = [...$('videos').children].find(({ dataset }) => dataset.key === key(video));
    if (!tile) {
      tile = document.createElement('figure');
      tile.dataset.key = key(video);
      tile.append(
        Object.assign(document.createElement('video'), { autoplay: true, muted: true, playsInline: true }),
        document.createElement('figcaption'),
      );
      $('videos').append(tile);
    }
    const person = page.huddle.people.get(video.userId);
    const [player, caption] = tile.children;
    caption.textContent = `${person?.displayName ?? ''}: ${video.source}`;
    if (player.srcObject?.getVideoTracks()[0] !== video.track) player.srcObject = new MediaStream([video.track]);
    tile.classList.toggle('speaking', page.huddle.speaking.includes(video.userId));
  }
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
    item.querySelector('.figures').textContent = level > -70 ? `${level.toFixed(0)} dB, ${pitch.toFixed(0)} Hz` : 'silent';
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
async function toggle(source, take) {
  const { huddle } = page;
  try {
    await huddle.show(source, huddle.own[source] ? null : await take());
  } catch (error) {
    log(`${source}: ${error.message}`);
  }
  show();
}
$('camera').addEventListener('click', () =>
  toggle('camera', () => (page.form.source === 'microphone' ? camera() : testCard(Number(page.form.hertz) % 360))),
);
$('screen').addEventListener('click', () => toggle('screen', screen));
for (const [name, value] of new URLSearchParams(location.search)) {
  const field = $('form').elements[name];
  if (field?.type === 'checkbox') field.checked = value === 'on';
  else if (field) field.value = value;
}
