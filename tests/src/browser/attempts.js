// What a page may try on a server at `target`, and what came of each try: said to `done`.
// `image` and `script` are paths of things that are there.

const orElse = (otherwise, look) => { try { return look(); } catch { return otherwise; } };

const attempts = async (target, image, script, done) => {
  const fetched = async (path, mode) => {
    try {
      const answer = await fetch(target + path, { mode, credentials: 'include' });
      const text = await answer.text();
      return `${answer.type} ${answer.status}${text.includes('tcp_ok') ? ' with the lessons' : ''}`;
    } catch (error) {
      return error.name;
    }
  };
  const loaded = (name, set) => new Promise(resolve => {
    const element = document.createElement(name);
    element.onload = () => resolve('loaded');
    element.onerror = () => resolve('refused');
    set(element);
    document.head.append(element);
  });
  const socket = () => new Promise(resolve => {
    const socket = new WebSocket(target.replace('http', 'ws') + '/session', 'wirebook.v1');
    socket.onopen = () => { resolve('open'); socket.close(); };
    socket.onerror = () => resolve('refused');
  });
  // A frame says nothing of its refusal: who may look into it, or be told of it, would see it.
  const frame = () => new Promise(resolve => {
    const frame = document.createElement('iframe');
    frame.onload = () => {
      const title = orElse(null, () => frame.contentDocument?.title);
      resolve(title ? 'shown' : 'not shown');
    };
    frame.src = `${target}/healthz`;
    document.body.append(frame);
  });
  done({
    page: await fetched('/', 'cors'),
    servers: await fetched('/api/servers', 'cors'),
    blind: await fetched('/api/servers', 'no-cors'),
    image: await loaded('img', element => { element.src = target + image; }),
    script: await loaded('script', element => { element.src = target + script; }),
    style: await loaded('link', element => { element.rel = 'stylesheet'; element.href = `${target}/api/servers`; }),
    socket: await socket(),
    frame: await frame(),
    // A page without an origin has neither.
    cookies: orElse('', () => document.cookie),
    kept: orElse(0, () => localStorage.length),
  });
};
