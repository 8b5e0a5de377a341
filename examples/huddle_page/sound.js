// What is sent (a tone, or the microphone) and what is heard: levels and frequencies, by the browser's own analyser.

export const SPEAKING = -45; // decibels from which a level counts as speech

export class Sound {
  constructor() {
    this.context = new AudioContext();
  }

  async tone(hertz) {
    await this.context.resume();
    const oscillator = new OscillatorNode(this.context, { frequency: hertz });
    const gain = new GainNode(this.context, { gain: 0.3 });
    const out = new MediaStreamAudioDestinationNode(this.context, { channelCount: 1 });
    oscillator.connect(gain).connect(out);
    oscillator.start();
    return out.stream.getAudioTracks()[0];
  }

  async microphone() {
    await this.context.resume();
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    return stream.getAudioTracks()[0];
  }

  // An ear for a track: plays it (unless it is our own) and measures it.
  ear(track, own = false) {
    const stream = new MediaStream([track]);
    let player = null;
    if (!own) {
      // Chromium decodes what comes over the network only when an element plays it.
      player = new Audio();
      player.srcObject = stream;
      player.play().catch(() => {});
    }
    const analyser = new AnalyserNode(this.context, { fftSize: 8192, smoothingTimeConstant: 0 });
    const source = new MediaStreamAudioSourceNode(this.context, { mediaStream: stream });
    source.connect(analyser);
    return new Ear(this.context, analyser, source, player);
  }
}

class Ear {
  constructor(context, analyser, source, player) {
    Object.assign(this, { context, analyser, source, player });
    this.samples = new Float32Array(2048);
    this.bins = new Float32Array(analyser.frequencyBinCount);
  }

  // The level of the last 40 ms, in decibels below full scale.
  level() {
    this.analyser.getFloatTimeDomainData(this.samples);
    const sum = this.samples.reduce((total, each) => total + each * each, 0);
    return 10 * Math.log10(sum / this.samples.length + 1e-12);
  }

  // The strongest frequency, in hertz.
  pitch() {
    this.analyser.getFloatFrequencyData(this.bins);
    let best = 1;
    for (let bin = 2; bin < this.bins.length; bin++) if (this.bins[bin] > this.bins[best]) best = bin;
    return (best * this.context.sampleRate) / this.analyser.fftSize;
  }

  close() {
    this.source.disconnect();
    if (this.player) this.player.srcObject = null;
  }
}
