/** G.711 µ-law audio for test calls: 8000 bytes are a second. */

const sampleRate = 8000;

/** One G.711 µ-law byte for a 16 bit sample (ITU-T G.711; the usual bias of 33 << 2). */
export function encodeUlaw(sample: number): number {
  const bias = 0x84;
  const magnitude = Math.min(Math.abs(Math.trunc(sample)), 32635) + bias;
  const exponent = 31 - Math.clz32(magnitude) - 7;
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff;
}

/** The 16 bit sample of a G.711 µ-law byte. */
export function decodeUlaw(byte: number): number {
  const bits = ~byte & 0xff;
  const magnitude = (((bits & 0x0f) << 3) + 0x84) << ((bits >> 4) & 7);
  return bits & 0x80 ? 0x84 - magnitude : magnitude - 0x84;
}

/** The 16 bit sample of a G.711 A-law byte. */
export function decodeAlaw(byte: number): number {
  const bits = byte ^ 0x55;
  const exponent = (bits >> 4) & 7;
  const mantissa = ((bits & 0x0f) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1);
  return bits & 0x80 ? magnitude : -magnitude;
}

/** A sine of the given frequency in Hz. */
export function tone(frequency: number, seconds: number): Buffer {
  return Buffer.from(
    Array.from({ length: seconds * sampleRate }, (_, index) =>
      encodeUlaw(10000 * Math.sin((2 * Math.PI * frequency * index) / sampleRate)),
    ),
  );
}

/** Noise that never repeats within a call: each packet's payload is unmistakable. */
export function noise(seconds: number, seed: number): Buffer {
  let state = seed >>> 0 || 1;
  return Buffer.from(
    Array.from({ length: seconds * sampleRate }, () => {
      // xorshift32 (Marsaglia 2003)
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state & 0xff;
    }),
  );
}

/** Share of the audio's energy at the given frequency, 0 … 1, by Goertzel's algorithm over the whole buffer. */
export function toneShare(audio: Buffer, frequency: number, decode = decodeUlaw): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / sampleRate);
  let previous = 0;
  let last = 0;
  let energy = 0;
  for (const byte of audio) {
    const sample = decode(byte);
    energy += sample * sample;
    [previous, last] = [last, sample + coefficient * last - previous];
  }
  if (energy === 0) return 0;
  const power = previous * previous + last * last - coefficient * previous * last;
  return (2 * power) / (audio.length * energy);
}
