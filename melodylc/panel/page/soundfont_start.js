// Runs in the audio worklet before the SoundFont processor, which would wait for ever for its decoder of compressed
// samples where the page's policy refuses WebAssembly. Without the decoder it plays SF2 and DLS.

const instantiate = WebAssembly.instantiate;

WebAssembly.instantiate = async (...what) => {
  try {
    return await instantiate.apply(WebAssembly, what);
  } catch {
    return { instance: { exports: undefined } };
  }
};
