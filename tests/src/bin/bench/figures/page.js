// Runs in the page before its own scripts: notes when its first lab can be used, what comes from the
// gateway, and how long frames take.
(() => {
  const probe = { usable: null, memory: null, received: null, frames: null, long: 0 };
  window.bench = probe;

  const instantiate = WebAssembly.instantiateStreaming;
  WebAssembly.instantiateStreaming = async (...source) => {
    const made = await instantiate.apply(WebAssembly, source);
    probe.memory ??= made.instance.exports.memory;
    return made;
  };

  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(...of) {
      super(...of);
      this.addEventListener('message', ({ data }) => {
        if (probe.received && data instanceof ArrayBuffer) probe.received.push(new Uint8Array(data));
      });
    }
  };

  const isUsable = lab => lab?.dataset.state === 'live'
    && [...lab.querySelectorAll('button')].some(button =>
      ['Connect', 'Send'].includes(button.textContent.trim()) && !button.disabled);
  const look = new MutationObserver(() => {
    if (isUsable(document.querySelector('[data-lab]'))) {
      probe.usable = performance.now();
      look.disconnect();
    }
  });
  look.observe(document, { subtree: true, childList: true, attributes: true });

  probe.watch = () => {
    [probe.received, probe.frames] = [[], []];
    let last = performance.now();
    const frame = () => {
      if (!probe.frames) return;
      const now = performance.now();
      probe.frames.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  };

  // The times of frames in ms, and the gateway's frames as numbers.
  probe.stop = () => {
    const { frames, received } = probe;
    [probe.received, probe.frames] = [null, null];
    return { frames, received: received.map(frame => [...frame]) };
  };
})();
