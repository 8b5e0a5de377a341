// Pictures: what one shows (a camera, a test card in its place, a screen), and what one wants to see of the others.

export const SOURCES = ['camera', 'screen'];
export const STATE = { camera: 'camera', screen: 'sharing' }; // what a participant's state calls them
export const VIEWS = 4; // pictures of others that are seen at once

const CARD = { width: 320, height: 180, rate: 10 };

export async function camera() {
  const video = { width: 640, height: 360, frameRate: 15 };
  const stream = await navigator.mediaDevices.getUserMedia({ video });
  return stream.getVideoTracks()[0];
}

export async function screen() {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: 5 } });
  return stream.getVideoTracks()[0];
}

// A field of one colour, with a bar that moves over it.
export function testCard(hue) {
  const canvas = Object.assign(document.createElement('canvas'), { width: CARD.width, height: CARD.height });
  const context = canvas.getContext('2d');
  let at = 0;
  const paint = () => {
    context.fillStyle = `hsl(${hue} 100% 50%)`;
    context.fillRect(0, 0, CARD.width, CARD.height);
    context.fillStyle = 'black';
    context.fillRect((at += 4) % CARD.width, 0, 8, CARD.height);
  };
  paint();
  const [track] = canvas.captureStream(CARD.rate).getVideoTracks();
  const clock = setInterval(() => (track.readyState === 'ended' ? clearInterval(clock) : paint()), 1000 / CARD.rate);
  return track;
}

// The m-lines by which a camera and a screen are sent. They are in every offer, so that turning one on takes no other.
export function addVideos(pc, direction) {
  return Object.fromEntries(SOURCES.map((source) => [source, only(pc.addTransceiver('video', { direction }))]));
}

export function addViews(pc) {
  return Array.from({ length: VIEWS }, () => only(pc.addTransceiver('video', { direction: 'recvonly' })));
}

// Those of somebody's offer, of whom we take them in the same order; null when there are none.
export function takeVideos(pc) {
  const found = pc.getTransceivers().filter(({ receiver }) => receiver.track.kind === 'video');
  if (found.length < SOURCES.length) return null;
  for (const transceiver of found) transceiver.direction = 'sendrecv';
  return Object.fromEntries(SOURCES.map((source, index) => [source, found[index]]));
}

// VP8 alone, which everybody can decode: an offer of every codec is three times as long.
function only(transceiver) {
  const { codecs } = RTCRtpReceiver.getCapabilities('video');
  transceiver.setCodecPreferences?.(codecs.filter(({ mimeType }) => mimeType === 'video/VP8'));
  return transceiver;
}

// What is shown by others, screens first, but for what is not wanted.
export function wishes(people, me, unwanted) {
  const found = [];
  for (const source of ['screen', 'camera'])
    for (const person of people)
      if (person.userId !== me && person[STATE[source]] && !unwanted.has(`${person.userId}/${source}`))
        found.push({ userId: person.userId, source });
  return found.slice(0, VIEWS);
}
